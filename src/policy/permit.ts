/**
 * What the allow lists come down to, before it is written for an engine.
 *
 * An empty peer or port list means "everything" to every engine, so both lists of a permit are non-empty by type.
 */
import type { PolicyGap } from './plan.ts';
import type { NamedPort, PortSpan } from './ports.ts';
import type { PodPeer } from './selectors.ts';

export type NonEmpty<T> = readonly [T, ...T[]];

/** A network as NetworkPolicy has it. */
export interface NetworkPeer {
  ipBlock: { cidr: string; except?: string[] };
}

/** A permit that NetworkPolicy can say. */
export interface Permit {
  readonly peers: NonEmpty<NetworkPeer | PodPeer>;
  readonly ports: NonEmpty<PortSpan | NamedPort>;
}

/** A permit by DNS name. */
export interface NamePermit {
  readonly fqdns: NonEmpty<string>;
  readonly ports: NonEmpty<PortSpan>;
}

export function isNonEmpty<T>(items: readonly T[]): items is NonEmpty<T> {
  return items.length > 0;
}

export function gap(reason: PolicyGap['reason'], field: string, message: string): PolicyGap {
  return { reason, field, message };
}
