/**
 * Reads `spec.egress.allow`: what it permits, by address and by name, and what of it stays denied.
 *
 * A rule that cannot be said as it is written is denied, never widened: a rule with `http` does not become a rule
 * without it. Where the engine sees DNS, port 53 belongs to `egress.dns` alone: a plain permit for the port of a resolver
 * would let every name through (Cilium then adds `*` to the allowed names), so it is taken out of every rule.
 */
import type { Network } from '../api/v1alpha1/address.ts';
import type { EgressPeer, EgressRule } from '../api/v1alpha1/agent-sandbox.ts';
import type { Baseline } from './baseline.ts';
import { parseCidr } from './cidr.ts';
import { type OpenNetwork, readNetwork } from './network-peer.ts';
import { gap, isNonEmpty, type NamePermit, type NetworkPeer, type NonEmpty, type Permit } from './permit.ts';
import type { ClusterFacts, PolicyGap } from './plan.ts';
import { DNS_PORT, type PortSpan, spansOf, withoutDns } from './ports.ts';
import { canonicalPeer, type PodPeer, sortedUnique } from './selectors.ts';
import { readService } from './service-peer.ts';

export interface EgressContext {
  readonly namespace: string;
  readonly facts: ClusterFacts;
  readonly baseline: Baseline;
}

export interface Egress {
  readonly permits: readonly Permit[];
  readonly namePermits: readonly NamePermit[];
  /** Networks that are allowed. */
  readonly networks: readonly OpenNetwork[];
  /** Networks that a rule which takes effect leaves out; another rule may allow them. */
  readonly excepts: readonly Network[];
  /** Pods that are allowed. */
  readonly pods: readonly PodPeer[];
  /** Services that are allowed, as `name.namespace`. */
  readonly services: readonly string[];
  readonly gaps: readonly PolicyGap[];
}

/** Rules come out by name and peers sorted, whatever order they were written in. */
export function readEgress(rules: readonly EgressRule[], context: EgressContext): Egress {
  const read = rules.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((rule) => readRule(rule, context));
  return {
    permits: read.flatMap(({ permits }) => permits),
    namePermits: read.flatMap(({ namePermits }) => namePermits),
    networks: read.flatMap(({ networks }) => networks),
    excepts: read.flatMap(({ excepts }) => excepts),
    pods: read.flatMap(({ pods }) => pods),
    services: [...new Set(read.flatMap(({ services }) => services))].sort(),
    gaps: read.flatMap(({ gaps }) => gaps),
  };
}

/** What became of one peer. */
type ReadPeer =
  | { kind: 'gap'; gap: PolicyGap }
  | { kind: 'network'; peer: NetworkPeer; open: OpenNetwork }
  | { kind: 'pods'; peer: PodPeer }
  | { kind: 'fqdn'; fqdn: string }
  | { kind: 'service'; permit: Permit; service: string };

function readRule(rule: EgressRule, context: EgressContext): Egress {
  const field = `spec.egress.allow[${rule.name}]`;
  if (rule.http !== undefined) {
    return {
      ...NOTHING,
      gaps: [gap('NotYetEnforced', `${field}.http`, 'HTTP rules are not enforced yet; the whole rule stays denied')],
    };
  }
  const { ports, gaps } = readPorts(rule, field, context);
  if (!isNonEmpty(ports)) {
    return { ...NOTHING, gaps };
  }
  const read = rule.to.map((peer, index) => readPeer(peer, `${field}.to[${index}]`, ports, context));
  const networks = pick(read, 'network');
  const pods = pick(read, 'pods');
  const services = pick(read, 'service');
  const fqdns = [...new Set(pick(read, 'fqdn').map(({ fqdn }) => fqdn))].sort();
  const peers = sortedUnique<NetworkPeer | PodPeer>([...networks, ...pods].map(({ peer }) => peer));
  return {
    permits: [...(isNonEmpty(peers) ? [{ peers, ports }] : []), ...sortedUnique(services.map(({ permit }) => permit))],
    namePermits: isNonEmpty(fqdns) ? [{ fqdns, ports }] : [],
    networks: networks.map(({ open }) => open),
    excepts: rule.to.flatMap(({ except = [] }) => except.map(parseCidr)).filter((except) => except !== undefined),
    pods: pods.map(({ peer }) => peer),
    services: services.map(({ service }) => service),
    gaps: [...gaps, ...pick(read, 'gap').map((peer) => peer.gap)],
  };
}

function readPorts(
  rule: EgressRule,
  field: string,
  { facts }: EgressContext,
): { ports: PortSpan[]; gaps: PolicyGap[] } {
  const ports = spansOf(rule.ports);
  if (facts.engine !== 'cilium') {
    return { ports, gaps: [] };
  }
  // A range that happens to hold 53 is quietly cut; who writes 53 is told.
  const asked = rule.ports.some(({ port, endPort }) => port === DNS_PORT && (endPort ?? port) === DNS_PORT);
  const message =
    'port 53 is opened by spec.egress.dns alone, where names are checked; list the resolver in spec.egress.dns.resolvers';
  return { ports: withoutDns(ports), gaps: asked ? [gap('BaselineDenied', `${field}.ports`, message)] : [] };
}

function readPeer(peer: EgressPeer, field: string, ports: NonEmpty<PortSpan>, context: EgressContext): ReadPeer {
  if (peer.cidr !== undefined) {
    const read = readNetwork({ ...peer, cidr: peer.cidr }, field, context.baseline);
    return 'gap' in read ? { kind: 'gap', gap: read.gap } : { kind: 'network', ...read };
  }
  if (peer.pods !== undefined) {
    return { kind: 'pods', peer: canonicalPeer(peer.pods) };
  }
  if (peer.service !== undefined) {
    const wish = { service: peer.service, ownNamespace: context.namespace, ports };
    const read = readService(wish, field, context.facts);
    return 'gap' in read
      ? { kind: 'gap', gap: read.gap }
      : { kind: 'service', permit: read.permit, service: `${read.name}.${read.namespace}` };
  }
  if (peer.fqdn !== undefined) {
    return readFqdn(peer.fqdn, field, context);
  }
  return { kind: 'gap', gap: gap('NotYetEnforced', `${field}.preset`, 'presets are not known yet; it stays denied') };
}

function readFqdn(fqdn: string, field: string, { facts }: EgressContext): ReadPeer {
  if (facts.engine === 'cilium') {
    return { kind: 'fqdn', fqdn };
  }
  const message = `${fqdn} stays denied: NetworkPolicy knows no names; use Cilium, or allow the addresses by cidr`;
  return { kind: 'gap', gap: gap('EngineCannotExpress', `${field}.fqdn`, message) };
}

function pick<K extends ReadPeer['kind']>(read: readonly ReadPeer[], kind: K): Extract<ReadPeer, { kind: K }>[] {
  return read.filter((peer): peer is Extract<ReadPeer, { kind: K }> => peer.kind === kind);
}

const NOTHING: Egress = { permits: [], namePermits: [], networks: [], excepts: [], pods: [], services: [], gaps: [] };
