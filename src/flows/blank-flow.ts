/**
 * A flow of which nothing is known yet, for the decoders to fill in, and the few rules that hold for both of them.
 *
 * One place makes every flow, so that JSON and protobuf give the same object down to its shape.
 */
import { BadField } from './decoded.ts';
import type { DnsRecord, Flow, FlowEndpoint, HttpRecord } from './flow.ts';

type Fillable<T> = { -readonly [Key in keyof T]: T[Key] extends readonly string[] ? string[] : T[Key] };

export type FillableEndpoint = Fillable<FlowEndpoint>;
export type FillableDns = Fillable<DnsRecord>;
export type FillableHttp = Fillable<HttpRecord>;
export interface FillableFlow extends Fillable<Omit<Flow, 'source' | 'destination'>> {
  source: FillableEndpoint;
  destination: FillableEndpoint;
}

export function blankFlow(): FillableFlow {
  return {
    uuid: '',
    timeMs: Number.NaN,
    nodeName: '',
    verdict: 'UNKNOWN',
    dropReason: 0,
    eventType: 0,
    isReply: undefined,
    direction: 'UNKNOWN',
    traceReason: '',
    protocol: 'OTHER',
    sourceIp: '',
    destinationIp: '',
    sourcePort: 0,
    destinationPort: 0,
    tcpFlags: 0,
    icmpType: -1,
    icmpCode: -1,
    source: blankEndpoint(),
    destination: blankEndpoint(),
    sourceNames: [],
    destinationNames: [],
    destinationService: '',
    deniedBy: [],
  };
}

export function blankEndpoint(): FillableEndpoint {
  return { id: 0, identity: 0, namespace: '', podName: '', labels: [] };
}

/**
 * Takes the namespace from the identity's labels where the endpoint itself names none, as flows of the DNS and HTTP proxy
 * do while the pod is not yet in the node's address cache.
 */
export function completeEndpoint(endpoint: FillableEndpoint): void {
  if (endpoint.namespace === '') {
    const label = endpoint.labels.find((one) => one.startsWith(NAMESPACE_LABEL));
    endpoint.namespace = label?.slice(NAMESPACE_LABEL.length) ?? '';
  }
}

/** A name as `Flow` has it: lower case, no trailing dot. */
export function hostName(text: string): string {
  const lower = text.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/** Checks what protobuf and JSON carry as 32 bits. */
export function portNumber(value: number, field: string): number {
  if (value > MAX_PORT) {
    throw new BadField(field, value, `a port from 0 to ${MAX_PORT}`);
  }
  return value;
}

/** Milliseconds since the epoch with microseconds as fraction; a double holds no more at today's dates. */
export function timestampMs(seconds: number, nanos: number): number {
  return seconds * 1000 + Math.floor(nanos / 1000) / 1000;
}

/** `namespace/name`, or nothing when there is no name. */
export function serviceName(namespace: string, name: string): string {
  return name === '' ? '' : `${namespace}/${name}`;
}

const NAMESPACE_LABEL = 'k8s:io.kubernetes.pod.namespace=';
const MAX_PORT = 65_535;
