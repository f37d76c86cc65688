/**
 * One `cidr` of an allow list, in either direction, with the baseline cut out of it.
 */
import type { Network } from '../api/v1alpha1/address.ts';
import { type Baseline, cutBaseline } from './baseline.ts';
import { formatCidr, parseCidr } from './cidr.ts';
import { gap, type NetworkPeer } from './permit.ts';
import type { PolicyGap } from './plan.ts';

/** A network, and what is left out of it: smaller networks inside it, none inside another. */
export interface OpenNetwork {
  readonly network: Network;
  readonly cuts: readonly Network[];
}

/** What became of it: a peer and what that opens, or the reason why it stays denied. */
export type ReadNetwork = { peer: NetworkPeer; open: OpenNetwork } | { gap: PolicyGap };

/**
 * @param field - path of the peer, such as `spec.egress.allow[web].to[0]`.
 */
export function readNetwork(
  wanted: { cidr: string; except?: readonly string[] },
  field: string,
  baseline: Baseline,
): ReadNetwork {
  const network = parseCidr(wanted.cidr);
  const excepts = (wanted.except ?? []).map(parseCidr);
  if (network === undefined || excepts.includes(undefined)) {
    return {
      gap: gap(
        'EngineCannotExpress',
        `${field}.cidr`,
        'cidr and except must be networks without host bits, such as 203.0.113.0/24; the entry stays denied',
      ),
    };
  }
  const cuts = cutBaseline(
    network,
    excepts.filter((except) => except !== undefined),
    baseline,
  );
  if (cuts === undefined) {
    return {
      gap: gap(
        'BaselineDenied',
        `${field}.cidr`,
        `nothing of ${formatCidr(network)} is left once its except list and what is always denied (cloud metadata, link-local, loopback, API server, nodes) are taken out`,
      ),
    };
  }
  const except = cuts.map(formatCidr);
  return {
    open: { network, cuts },
    peer: { ipBlock: { cidr: formatCidr(network), ...(except.length === 0 ? {} : { except }) } },
  };
}
