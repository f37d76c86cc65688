/**
 * Turns one line of Hubble's JSON into a flow event: the output of `hubble observe -o jsonpb`, the exporter's files, and
 * the bare flow that older releases print.
 *
 * Pure, and never throws: a bad line is a `failed` value, so that one line cannot end a stream. A missing field is its
 * zero value, a field of the wrong type fails the line, an unknown enum name is the unknown value.
 * Cutting bytes into lines is `sources/lines.ts`; the same events in protobuf are `decode-protobuf.ts`.
 */
import {
  blankFlow,
  completeEndpoint,
  type FillableEndpoint,
  type FillableFlow,
  hostName,
  portNumber,
  serviceName,
} from './blank-flow.ts';
import { BadField, type Decoded, failed, failedField } from './decoded.ts';
import { DROP_REASONS } from './drop-reasons.ts';
import { type DnsRecord, EVENT_TYPE, type HttpRecord, type Protocol, TCP_FLAG } from './flow.ts';
import {
  L7_TYPES,
  LOST_EVENT_SOURCES,
  NODE_STATES,
  TRACE_REASONS,
  TRAFFIC_DIRECTIONS,
  VERDICTS,
} from './hubble-enums.ts';
import {
  type At,
  child,
  children,
  count,
  enumName,
  flag,
  isObject,
  type JsonObject,
  member,
  text,
  texts,
  time,
} from './json-fields.ts';

/** Longest line that is decoded, in characters. A flow has about 1 500; HTTP headers can make it some ten thousand. */
export const MAX_LINE_CHARACTERS = 1 << 20;

/**
 * Decodes one line.
 *
 * @param lineNumber - counted from 1, for messages; undefined when lines are not numbered.
 * @example
 * decodeJsonLine('{"flow":{"time":"2026-11-21T20:09:54Z","verdict":"DROPPED"}}')
 */
export function decodeJsonLine(line: string, lineNumber?: number): Decoded {
  const where = lineNumber === undefined ? '' : `line ${lineNumber}`;
  if (line.length > MAX_LINE_CHARACTERS) {
    return failed('TooLong', where, `longer than ${MAX_LINE_CHARACTERS} characters`);
  }
  // Also takes away a byte order mark, which JSON.parse would refuse.
  const json = line.trim();
  if (json === '') {
    return { kind: 'skipped' };
  }
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return failed('NotJson', where, 'not JSON');
  }
  if (!isObject(value)) {
    return failed('NotAFlow', where, 'JSON, but not an object');
  }
  try {
    return decodeEvent({ object: value, path: '' }, where);
  } catch (error) {
    if (error instanceof BadField) {
      return failedField(error, where);
    }
    throw error;
  }
}

function decodeEvent(event: At, where: string): Decoded {
  const flow = child(event, 'flow');
  if (flow !== undefined) {
    return { kind: 'flow', flow: decodeFlow(flow, event) };
  }
  const lost = child(event, 'lost_events');
  if (lost !== undefined) {
    return { kind: 'lost', lost: decodeLost(lost, event) };
  }
  const node = child(event, 'node_status');
  if (node !== undefined) {
    return { kind: 'node', node: decodeNode(node, event) };
  }
  if (member(event, 'agent_event') !== undefined || member(event, 'debug_event') !== undefined) {
    return { kind: 'skipped' };
  }
  if (looksLikeFlow(event.object)) {
    return { kind: 'flow', flow: decodeFlow(event, event) };
  }
  return failed('NotAFlow', where, 'JSON, but no event of Hubble');
}

/** Fields that no other event has, of which every flow has one. */
function looksLikeFlow(object: JsonObject): boolean {
  return ['verdict', 'IP', 'Type', 'event_type', 'eventType'].some((name) => Object.hasOwn(object, name));
}

function decodeFlow(at: At, envelope: At): FillableFlow {
  const flow = blankFlow();
  flow.uuid = text(at, 'uuid');
  flow.timeMs = requiredTime(time(at, 'time') ?? time(envelope, 'time'), `${at.path}time`);
  flow.nodeName = text(at, 'node_name') || text(envelope, 'node_name');
  flow.verdict = enumName(at, 'verdict', VERDICTS);
  flow.direction = enumName(at, 'traffic_direction', TRAFFIC_DIRECTIONS);
  flow.traceReason = enumName(at, 'trace_reason', TRACE_REASONS);
  flow.isReply = flag(at, 'is_reply') ?? (flag(at, 'reply') === true ? true : undefined);
  decodeEventType(at, flow);
  decodeAddresses(at, flow);
  decodeLayer4(at, flow);
  decodeEndpoint(child(at, 'source'), flow.source);
  decodeEndpoint(child(at, 'destination'), flow.destination);
  flow.sourceNames = texts(at, 'source_names').map(hostName);
  flow.destinationNames = texts(at, 'destination_names').map(hostName);
  decodeLayer7(at, flow);
  flow.deniedBy = [...children(at, 'egress_denied_by'), ...children(at, 'ingress_denied_by')].map(
    (policy) => `${text(policy, 'kind')}/${text(policy, 'namespace')}/${text(policy, 'name')}`,
  );
  return flow;
}

function requiredTime(ms: number | undefined, field: string): number {
  if (ms === undefined) {
    throw new BadField(field, undefined, 'given');
  }
  return ms;
}

function decodeEventType(at: At, flow: FillableFlow): void {
  const eventType = child(at, 'event_type');
  flow.eventType = eventType === undefined ? 0 : count(eventType, 'type');
  flow.dropReason = count(at, 'drop_reason') || dropReasonByName(at);
  if (flow.dropReason === 0 && eventType !== undefined && flow.eventType === EVENT_TYPE.DROP) {
    flow.dropReason = count(eventType, 'sub_type');
  }
}

function dropReasonByName(at: At): number {
  const value = member(at, 'drop_reason_desc');
  return typeof value === 'string' ? (DROP_REASONS.get(value) ?? 0) : count(at, 'drop_reason_desc');
}

function decodeAddresses(at: At, flow: FillableFlow): void {
  const ip = child(at, 'IP');
  if (ip !== undefined) {
    flow.sourceIp = text(ip, 'source');
    flow.destinationIp = text(ip, 'destination');
  }
  const service = child(at, 'destination_service');
  if (service !== undefined) {
    flow.destinationService = serviceName(text(service, 'namespace'), text(service, 'name'));
  }
}

function decodeLayer4(at: At, flow: FillableFlow): void {
  const layer4 = child(at, 'l4');
  const protocol = layer4 && PROTOCOLS.find((name) => member(layer4, name) !== undefined);
  const header = protocol && child(layer4, protocol);
  if (header === undefined || protocol === undefined) {
    return;
  }
  flow.protocol = protocol;
  if (protocol === 'ICMPv4' || protocol === 'ICMPv6') {
    flow.icmpType = count(header, 'type');
    flow.icmpCode = count(header, 'code');
    return;
  }
  flow.sourcePort = portNumber(count(header, 'source_port'), `${header.path}source_port`);
  flow.destinationPort = portNumber(count(header, 'destination_port'), `${header.path}destination_port`);
  const flags = protocol === 'TCP' ? child(header, 'flags') : undefined;
  if (flags !== undefined) {
    flow.tcpFlags = tcpFlags(flags);
  }
}

function tcpFlags(flags: At): number {
  let bits = 0;
  for (const [name, bit] of TCP_FLAGS) {
    bits |= flag(flags, name) === true ? bit : 0;
  }
  return bits;
}

function decodeEndpoint(at: At | undefined, endpoint: FillableEndpoint): void {
  if (at === undefined) {
    return;
  }
  endpoint.id = count(at, 'ID');
  endpoint.identity = count(at, 'identity');
  endpoint.namespace = text(at, 'namespace');
  endpoint.podName = text(at, 'pod_name');
  endpoint.labels = texts(at, 'labels');
  const [workload] = children(at, 'workloads');
  if (workload !== undefined) {
    endpoint.workload = { kind: text(workload, 'kind'), name: text(workload, 'name') };
  }
  completeEndpoint(endpoint);
}

function decodeLayer7(at: At, flow: FillableFlow): void {
  const layer7 = child(at, 'l7');
  if (layer7 === undefined) {
    return;
  }
  const type = enumName(layer7, 'type', L7_TYPES);
  const dns = child(layer7, 'dns');
  const http = child(layer7, 'http');
  if (dns !== undefined) {
    flow.dns = decodeDns(dns, type);
  } else if (http !== undefined) {
    flow.http = { type, code: count(http, 'code'), method: text(http, 'method'), url: text(http, 'url') };
  }
}

function decodeDns(dns: At, type: HttpRecord['type']): DnsRecord {
  return {
    type,
    query: hostName(text(dns, 'query')),
    ips: texts(dns, 'ips'),
    cnames: texts(dns, 'cnames').map(hostName),
    qtypes: texts(dns, 'qtypes'),
    rrtypes: texts(dns, 'rrtypes'),
    rcode: count(dns, 'rcode'),
    ttl: count(dns, 'ttl'),
  };
}

function decodeLost(lost: At, envelope: At) {
  const timeMs = time(envelope, 'time') ?? time(lost, 'last') ?? time(lost, 'first');
  return {
    timeMs: requiredTime(timeMs, 'time'),
    nodeName: text(envelope, 'node_name'),
    source: enumName(lost, 'source', LOST_EVENT_SOURCES),
    count: count(lost, 'num_events_lost'),
  };
}

function decodeNode(node: At, envelope: At) {
  return {
    timeMs: requiredTime(time(envelope, 'time'), 'time'),
    state: enumName(node, 'state_change', NODE_STATES),
    nodeNames: texts(node, 'node_names'),
    message: text(node, 'message'),
  };
}

const PROTOCOLS: readonly Exclude<Protocol, 'OTHER'>[] = ['TCP', 'UDP', 'SCTP', 'ICMPv4', 'ICMPv6'];
const TCP_FLAGS = Object.entries(TCP_FLAG);
