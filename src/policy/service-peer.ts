/**
 * A Service in an allow list stands for the pods behind it and the ports those pods listen on.
 *
 * Engines judge a packet after the Service's address has been replaced by a pod's, so that is what a policy must name.
 */
import { gap, isNonEmpty, type Permit } from './permit.ts';
import type { ClusterFacts, Engine, PolicyGap, ServiceFacts } from './plan.ts';
import { hasPort, type NamedPort, type PortSpan, spansOf, withoutDns } from './ports.ts';
import { canonicalSelector, NAMESPACE_NAME_LABEL, type PodPeer, sortedUnique } from './selectors.ts';

export type ReadService = { permit: Permit; namespace: string; name: string } | { gap: PolicyGap };

/** The Service an allow entry names, the namespace of the sandbox, and the Service ports that may be reached. */
export interface ServiceWish {
  readonly service: { name: string; namespace?: string };
  readonly ownNamespace: string;
  readonly ports: readonly PortSpan[];
}

/**
 * @param field - path of the peer, such as `spec.egress.allow[model].to[0]`.
 */
export function readService(wish: ServiceWish, field: string, cluster: ClusterFacts): ReadService {
  const { name } = wish.service;
  const namespace = wish.service.namespace ?? wish.ownNamespace;
  const unknown = (why: string): ReadService => ({
    gap: gap('ServiceUnknown', `${field}.service`, `Service ${namespace}/${name} ${why}; it stays denied`),
  });
  const facts = cluster.services.get(`${namespace}/${name}`);
  if (facts === undefined) {
    return unknown('is not known');
  }
  if (Object.keys(facts.selector).length === 0) {
    return unknown('has no selector, so its pods are not known; allow them by pods or cidr');
  }
  const reached = facts.ports.filter(({ protocol, port }) => hasPort(wish.ports, protocol, port));
  if (reached.length === 0) {
    return unknown('has none of the ports of this rule');
  }
  const ports = targetPorts(reached, cluster.engine);
  if (!isNonEmpty(ports)) {
    return unknown('leads to port 53, which spec.egress.dns alone opens');
  }
  return { permit: { peers: [podsOf(facts, namespace, wish.ownNamespace)], ports }, namespace, name };
}

function podsOf(facts: ServiceFacts, namespace: string, ownNamespace: string): PodPeer {
  const podSelector = canonicalSelector({ matchLabels: { ...facts.selector } });
  if (namespace === ownNamespace) {
    return { podSelector };
  }
  return { namespaceSelector: { matchLabels: { [NAMESPACE_NAME_LABEL]: namespace } }, podSelector };
}

function targetPorts(reached: ServiceFacts['ports'], engine: Engine): (PortSpan | NamedPort)[] {
  const numbered = spansOf(
    reached.flatMap(({ protocol, targetPort }) =>
      typeof targetPort === 'number' && isProtocol(protocol) ? [{ protocol, port: targetPort }] : [],
    ),
  );
  const named = reached.flatMap(({ protocol, targetPort }) =>
    typeof targetPort === 'string' ? [{ protocol, name: targetPort }] : [],
  );
  return [...(engine === 'cilium' ? withoutDns(numbered) : numbered), ...sortedUnique(named)];
}

function isProtocol(text: string): text is PortSpan['protocol'] {
  return text === 'TCP' || text === 'UDP' || text === 'SCTP';
}
