/**
 * Writes CiliumNetworkPolicies: what NetworkPolicy cannot say. They come beside the NetworkPolicies, never instead.
 *
 * Allows of both kinds add up, a deny of this kind wins over any allow. So the allows here are only names (toFQDNs) and
 * DNS with its names, which NetworkPolicy must then not open at all; and the denies hold the baseline, and what rules
 * except, against what allows cannot foresee: a name that resolves to such an address, somebody's own allow policy.
 *
 * Denies on egress cannot break probes or exec: those connections come in from the node, and Cilium does not judge
 * replies. On ingress the node must never be denied (measured: the probes then fail and the container is restarted).
 */
import type { Network } from '../api/v1alpha1/address.ts';
import type { LabelSelector } from '../api/v1alpha1/types.ts';
import type { Baseline } from './baseline.ts';
import { formatCidr, minimize } from './cidr.ts';
import { deniedBlocks } from './denied-networks.ts';
import { DNS_PORTS, type Resolvers } from './dns.ts';
import type { OpenNetwork } from './network-peer.ts';
import type { NamePermit } from './permit.ts';
import { ciliumPort, type PortSpan } from './ports.ts';
import { endpointSelector, POD_NAMESPACE } from './selectors.ts';

/** What the policy of a sandbox is made of. */
export interface CiliumRules {
  readonly namespace: string;
  readonly resolvers: Resolvers;
  /** Names that may be asked for; never empty, because an empty list would allow every name. */
  readonly askable: readonly string[];
  readonly namePermits: readonly NamePermit[];
  /** Networks that the sandbox allows; those in private space are spared by the deny on private space. */
  readonly networks: readonly OpenNetwork[];
  /** Networks that rules leave out of what they allow. What another rule allows, on whatever port, is not denied. */
  readonly excepts: readonly Network[];
  readonly baseline: Baseline;
}

/** The spec beside the allow list of a sandbox. */
export function sandboxSpec(endpoints: LabelSelector, rules: CiliumRules): Record<string, unknown> {
  return {
    egress: [...dnsRules(rules), ...rules.namePermits.map(nameRule)],
    egressDeny: [{ toCIDRSet: deniedNetworks(rules) }, { toEntities: ['host', 'kube-apiserver', 'remote-node'] }],
    ...DEFAULT_DENY,
    endpointSelector: endpoints,
    // An empty rule allows nothing; without any rule for ingress Cilium would not deny by default there.
    ingress: [{}],
  };
}

/**
 * The spec that cuts pods off for good, whatever other policies allow them: everything out, and in from the world and from
 * every pod. Not in from the node, so that probes and exec go on and the evidence survives.
 */
export function cutOffSpec(endpoints: LabelSelector): Record<string, unknown> {
  return {
    egressDeny: [{ toEntities: ['all'] }],
    ...DEFAULT_DENY,
    endpointSelector: endpoints,
    ingressDeny: [
      { fromEntities: ['world'] },
      { fromEndpoints: [{ matchExpressions: [{ key: POD_NAMESPACE, operator: 'Exists' }] }] },
    ],
  };
}

function dnsRules({ resolvers, askable, namespace }: CiliumRules): Record<string, unknown>[] {
  const toPorts = [{ ports: DNS_PORTS.map(ciliumPort), rules: { dns: askable.map(nameSelector) } }];
  const toEndpoints = resolvers.pods.map((peer) => endpointSelector(peer, namespace));
  const toCIDR = minimize(resolvers.networks).map(formatCidr);
  return [
    ...(toEndpoints.length === 0 ? [] : [{ toEndpoints, toPorts }]),
    ...(toCIDR.length === 0 ? [] : [{ toCIDR, toPorts }]),
  ];
}

function nameRule({ fqdns, ports }: NamePermit): Record<string, unknown> {
  return {
    toFQDNs: fqdns.map(nameSelector),
    toPorts: chunked(ports, MOST_PORTS).map((chunk: readonly PortSpan[]) => ({ ports: chunk.map(ciliumPort) })),
  };
}

function nameSelector(name: string): Record<string, string> {
  return name.includes('*') ? { matchPattern: name } : { matchName: name };
}

function deniedNetworks({ baseline, networks, excepts, resolvers }: CiliumRules): Record<string, unknown>[] {
  const resolverNetworks = resolvers.networks.map((network) => ({ network, cuts: [] }));
  const blocks = deniedBlocks({
    always: baseline.always,
    unlessOpen: [...baseline.unlessListed, ...excepts],
    open: [...networks, ...resolverNetworks],
  });
  return blocks.map(({ network, cuts }) => ({
    cidr: formatCidr(network),
    ...(cuts.length === 0 ? {} : { except: cuts.map(formatCidr) }),
  }));
}

/** Consecutive parts of at most `size` items. */
export function chunked<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

const DEFAULT_DENY = { enableDefaultDeny: { egress: true, ingress: true } };
/** The CRD refuses longer lists (maxItems 40). */
const MOST_PORTS = 40;
