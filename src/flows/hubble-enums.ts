/**
 * The numbers and names of Hubble's enums, for both decoders: JSON carries the names, protobuf the numbers.
 *
 * From flow.proto and relay.proto of Cilium 1.20. A number or name that is not here is an extension (Microsoft Retina
 * sends the verdicts 15 and 16) or newer than us, and becomes the unknown value, never a guess.
 */
import type { NodeStatus, TrafficDirection, Verdict } from './flow.ts';

/** An enum that has been looked up; `unknown` is also what zero means. */
export interface EnumTable<Name extends string> {
  readonly unknown: Name;
  /** By number. */
  readonly names: readonly Name[];
  /** What the names carry on the wire before ours. */
  readonly prefix: string;
}

export const VERDICTS: EnumTable<Verdict> = {
  unknown: 'UNKNOWN',
  names: ['UNKNOWN', 'FORWARDED', 'DROPPED', 'ERROR', 'AUDIT', 'REDIRECTED', 'TRACED', 'TRANSLATED'],
  prefix: '',
};

export const TRAFFIC_DIRECTIONS: EnumTable<TrafficDirection> = {
  unknown: 'UNKNOWN',
  names: ['UNKNOWN', 'INGRESS', 'EGRESS'],
  prefix: '',
};

export const TRACE_REASONS: EnumTable<string> = {
  unknown: '',
  names: ['', 'NEW', 'ESTABLISHED', 'REPLY', 'RELATED', 'REOPENED', 'SRV6_ENCAP', 'SRV6_DECAP', 'ENCRYPT_OVERLAY'],
  prefix: '',
};

export const L7_TYPES: EnumTable<'UNKNOWN' | 'REQUEST' | 'RESPONSE'> = {
  unknown: 'UNKNOWN',
  names: ['UNKNOWN', 'REQUEST', 'RESPONSE'],
  prefix: '',
};

export const NODE_STATES: EnumTable<NodeStatus['state']> = {
  unknown: 'UNKNOWN',
  names: ['UNKNOWN', 'CONNECTED', 'UNAVAILABLE', 'GONE', 'ERROR'],
  prefix: 'NODE_',
};

export const LOST_EVENT_SOURCES: EnumTable<string> = {
  unknown: 'UNKNOWN',
  names: ['UNKNOWN', 'PERF_EVENT_RING_BUFFER', 'OBSERVER_EVENTS_QUEUE', 'HUBBLE_RING_BUFFER'],
  prefix: '',
};

/** Our name for a number on the wire. */
export function nameOfNumber<Name extends string>(table: EnumTable<Name>, value: number): Name {
  return table.names[value] ?? table.unknown;
}

/** Our name for a name on the wire. */
export function nameOfName<Name extends string>(table: EnumTable<Name>, value: string): Name {
  const bare = value.startsWith(table.prefix) ? value.slice(table.prefix.length) : value;
  return table.names.find((name) => name === bare) ?? table.unknown;
}
