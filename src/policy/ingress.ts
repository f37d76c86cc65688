/**
 * Reads `spec.ingress.allow`. The baseline holds here too: what must not be reached must not be let in either.
 *
 * Probes are not touched by it: a node may always reach its own pods, in every engine.
 */
import type { IngressPeer, IngressRule } from '../api/v1alpha1/agent-sandbox.ts';
import type { Baseline } from './baseline.ts';
import { readNetwork } from './network-peer.ts';
import { gap, isNonEmpty, type NetworkPeer, type Permit } from './permit.ts';
import type { PolicyGap } from './plan.ts';
import { spansOf } from './ports.ts';
import { canonicalPeer, type PodPeer, sortedUnique } from './selectors.ts';

export interface Ingress {
  readonly permits: readonly Permit[];
  readonly gaps: readonly PolicyGap[];
}

export function readIngress(rules: readonly IngressRule[], baseline: Baseline): Ingress {
  const read = rules.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((rule) => readRule(rule, baseline));
  return { permits: read.flatMap(({ permits }) => permits), gaps: read.flatMap(({ gaps }) => gaps) };
}

function readRule(rule: IngressRule, baseline: Baseline): Ingress {
  const read = rule.from.map((peer, index) =>
    readPeer(peer, `spec.ingress.allow[${rule.name}].from[${index}]`, baseline),
  );
  const peers = sortedUnique(read.flatMap((outcome) => ('peer' in outcome ? [outcome.peer] : [])));
  const ports = spansOf(rule.ports);
  return {
    permits: isNonEmpty(peers) && isNonEmpty(ports) ? [{ peers, ports }] : [],
    gaps: read.flatMap((outcome) => ('gap' in outcome ? [outcome.gap] : [])),
  };
}

function readPeer(
  peer: IngressPeer,
  field: string,
  baseline: Baseline,
): { peer: NetworkPeer | PodPeer } | { gap: PolicyGap } {
  if (peer.cidr !== undefined) {
    return readNetwork({ ...peer, cidr: peer.cidr }, field, baseline);
  }
  if (peer.pods !== undefined) {
    return { peer: canonicalPeer(peer.pods) };
  }
  return { gap: gap('EngineCannotExpress', field, 'names neither cidr nor pods; it stays denied') };
}
