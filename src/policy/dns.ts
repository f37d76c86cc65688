/**
 * Name resolution: whom the pods may ask, and for which names.
 *
 * Resolvers are always reachable on port 53, since without an answer nothing else works; the names are what is kept
 * small. They can be asked for by being allowed (`egress.allow[].to[].fqdn`), by being listed (`egress.dns.names`), or by
 * belonging to a Service that is allowed. With no name at all, one that cannot exist is allowed: every question is then
 * refused at once instead of timing out, and is still seen, which is how a mining pool in a question is noticed.
 *
 * Names of the cluster are derived only while the cluster's own DNS is asked: it answers for its own zone and passes
 * nothing of it on, so even a wildcard there is no way out. With other resolvers they have to be listed.
 * NetworkPolicy sees no names: there, any name may be asked for.
 */
import type { Network } from '../api/v1alpha1/address.ts';
import type { AgentSandboxSpec } from '../api/v1alpha1/agent-sandbox.ts';
import { type Baseline, isAlwaysDenied } from './baseline.ts';
import { formatCidr, parseCidr } from './cidr.ts';
import type { Egress } from './egress.ts';
import { gap, type NetworkPeer } from './permit.ts';
import type { PolicyGap } from './plan.ts';
import { DNS_PORT, type PortSpan } from './ports.ts';
import { canonicalPeer, NAMESPACE_NAME_LABEL, type PodPeer, sortedUnique } from './selectors.ts';

type Dns = AgentSandboxSpec['egress']['dns'];

export const DNS_PORTS = [
  { protocol: 'TCP', from: DNS_PORT, to: DNS_PORT },
  { protocol: 'UDP', from: DNS_PORT, to: DNS_PORT },
] as const satisfies readonly PortSpan[];

export interface Resolvers {
  readonly pods: readonly PodPeer[];
  readonly networks: readonly Network[];
  readonly gaps: readonly PolicyGap[];
}

/** Who may be asked. A resolver at an address that is always denied stays denied. */
export function readResolvers(dns: Dns, baseline: Baseline): Resolvers {
  if (dns.resolvers.length === 0) {
    return { pods: [CLUSTER_DNS], networks: [], gaps: [] };
  }
  const pods: PodPeer[] = [];
  const networks: Network[] = [];
  const gaps: PolicyGap[] = [];
  for (const [index, { address, pods: peer }] of dns.resolvers.entries()) {
    const field = `spec.egress.dns.resolvers[${index}].address`;
    const network = address === undefined ? undefined : parseCidr(address);
    if (peer !== undefined) {
      pods.push(canonicalPeer(peer));
    } else if (network === undefined) {
      gaps.push(gap('EngineCannotExpress', field, 'is not an IP address; the resolver stays denied'));
    } else if (isAlwaysDenied(network, baseline)) {
      const message = `${formatCidr(network)} is always denied (cloud metadata, link-local, loopback, API server or node), also as a resolver`;
      gaps.push(gap('BaselineDenied', field, message));
    } else {
      networks.push(network);
    }
  }
  return { pods: sortedUnique(pods), networks, gaps };
}

/** The resolvers as NetworkPolicy peers, sorted. */
export function resolverPeers({ pods, networks }: Resolvers): (NetworkPeer | PodPeer)[] {
  return sortedUnique<NetworkPeer | PodPeer>([
    ...pods,
    ...networks.map((network) => ({ ipBlock: { cidr: formatCidr(network) } })),
  ]);
}

/** The names that may be asked for, sorted and never empty; `*` in a name stands for letters of one label. */
export function askableNames(dns: Dns, egress: Egress, namespace: string): readonly string[] {
  const allowed = [...dns.names, ...egress.namePermits.flatMap(({ fqdns }) => fqdns)];
  const names = dns.resolvers.length === 0 ? [...allowed, ...namesOfCluster(allowed, egress, namespace)] : allowed;
  const usable = [...new Set(names)].filter((name) => name.length <= LONGEST_NAME).sort();
  return usable.length === 0 ? [NO_NAME] : usable;
}

/**
 * Names of allowed Services, and every allowed name with the search list of a pod's resolv.conf behind it: with the usual
 * `ndots:5` a program asks for those first, and musl gives up when one of them is refused (Cilium documentation,
 * "Alpine/musl deployments and DNS Refused").
 */
function namesOfCluster(allowed: readonly string[], egress: Egress, namespace: string): string[] {
  const services = [
    ...egress.services,
    ...egress.pods.flatMap((peer) => namespacesOf(peer, namespace)).map(anyServiceIn),
  ];
  const full = services.map((service) => `${service}.svc.${CLUSTER_DOMAIN}`);
  const written = [...allowed, ...services, ...services.map((service) => `${service}.svc`), ...full];
  const searchList = [`${namespace}.svc.${CLUSTER_DOMAIN}`, `svc.${CLUSTER_DOMAIN}`, CLUSTER_DOMAIN];
  return [...full, ...written.flatMap((name) => searchList.map((suffix) => `${name}.${suffix}`))];
}

/** Namespaces that a peer names outright; a selector by other labels could mean any, so none is taken for granted. */
function namespacesOf({ namespaceSelector }: PodPeer, ownNamespace: string): readonly string[] {
  if (namespaceSelector === undefined) {
    return [ownNamespace];
  }
  const name = namespaceSelector.matchLabels?.[NAMESPACE_NAME_LABEL];
  const listed = namespaceSelector.matchExpressions?.find(
    ({ key, operator }) => key === NAMESPACE_NAME_LABEL && operator === 'In',
  );
  return name === undefined ? (listed?.values ?? []) : [name];
}

function anyServiceIn(namespace: string): string {
  return `*.${namespace}`;
}

/** Where every common distribution runs the cluster's DNS, under whatever name (kube-dns, CoreDNS). */
const CLUSTER_DNS: PodPeer = {
  namespaceSelector: { matchLabels: { [NAMESPACE_NAME_LABEL]: 'kube-system' } },
  podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
};
/** The default of kubelet and kubeadm. In a cluster with another domain, list the names in egress.dns.names. */
const CLUSTER_DOMAIN = 'cluster.local';
/** `.invalid` never exists (RFC 2606). An empty list would allow every name. */
const NO_NAME = 'bulkhead.invalid';
/** RFC 1035 §2.3.4, without the trailing dot. */
const LONGEST_NAME = 253;
