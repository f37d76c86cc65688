/**
 * What one flow means for one pod: an attempt, traffic, an answer, a refusal, a denial, or nothing.
 *
 * A denied SYN gives a verdict event and a drop event, retransmissions repeat both, every packet may be told by both nodes
 * and by several points of one. So an attempt is a connection (one local port, one far address and port), and what is
 * reported about it (started, established, refused, denied) is reported once. Copies from the far node are left out.
 */
import { EVENT_TYPE, type Flow, TCP_FLAG } from '../flows/flow.ts';
import type { Connection } from './connections.ts';
import type { Observation } from './detector.ts';
import { DNS_PORTS } from './indicators/ports.ts';
import { isDenial, isOpening } from './packet.ts';
import type { PodState } from './pod-state.ts';
import { scopeOf } from './scope.ts';

/** Which end of the flow the pod is. */
export type Role = 'Source' | 'Destination';

/**
 * Fills the observation from a flow and brings the pod's connections up to date.
 *
 * @returns false when the flow means nothing for detection.
 */
export function observe(flow: Flow, role: Role, pod: PodState, seen: Observation): boolean {
  if (!isOwnView(flow, role) || flow.eventType === EVENT_TYPE.TRACE_SOCK || MEANINGLESS.has(flow.verdict)) {
    return false;
  }
  seen.flow = flow;
  seen.timeMs = flow.timeMs;
  seen.connection = undefined;
  seen.started = seen.established = seen.refused = seen.denied = false;
  if (flow.dns !== undefined) {
    return observeDns(flow, role, pod, seen);
  }
  if (flow.http !== undefined) {
    seen.kind = 'Http';
    seen.denied = isDenial(flow);
    return role === 'Source' && flow.isReply !== true;
  }
  return role === 'Source' ? observeOutgoing(flow, pod, seen) : observeReply(flow, pod, seen);
}

/** Only the node of the pod tells its story in one order; a source that knows no endpoint ids is taken as it comes. */
function isOwnView(flow: Flow, role: Role): boolean {
  const [own, other] = role === 'Source' ? [flow.source, flow.destination] : [flow.destination, flow.source];
  return own.id !== 0 || other.id === 0;
}

function observeDns(flow: Flow, role: Role, pod: PodState, seen: Observation): boolean {
  const dns = flow.dns;
  // A pod that answers queries is a name server, and what others ask it is not what it asks.
  const isAnswer = dns?.type === 'RESPONSE' || flow.isReply === true;
  if (dns === undefined || dns.query === '' || isAnswer !== (role === 'Destination')) {
    return false;
  }
  seen.kind = 'Dns';
  seen.denied = isDenial(flow) || (isAnswer && pod.names.isProxyRefusal(dns, flow.timeMs));
  if (!isAnswer && !seen.denied) {
    pod.names.noteQuestion(dns.query, flow.timeMs);
  }
  pod.learnNames(dns, flow.timeMs);
  return true;
}

function observeOutgoing(flow: Flow, pod: PodState, seen: Observation): boolean {
  const denied = isDenial(flow);
  if (isNoAttempt(flow, denied) || isLookup(flow, denied, pod)) {
    return false;
  }
  const connection = connectionOf(flow, pod, seen);
  if (connection === undefined || (flow.verdict === 'DROPPED' && connection.isEstablished)) {
    // Cut off in the middle: the policy changed, the pod tried nothing new.
    return false;
  }
  connection.note(flow.timeMs, false);
  noteClosing(connection, flow);
  if (denied && connection.sawStart && !connection.isEstablished) {
    seen.denied = !connection.isDenied;
    connection.isDenied = true;
  }
  seen.kind = 'Outgoing';
  seen.connection = connection;
  return true;
}

/** An answer the pod gives as a server, or a drop that no policy asked for. */
function isNoAttempt(flow: Flow, denied: boolean): boolean {
  return flow.isReply === true || (flow.verdict === 'DROPPED' && !denied) || isIcmpAnswer(flow);
}

/** Notes a lookup; true when its messages say all there is to say. */
function isLookup(flow: Flow, denied: boolean, pod: PodState): boolean {
  if (!DNS_PORTS.has(flow.destinationPort)) {
    return false;
  }
  pod.names.noteLookup(flow.timeMs);
  return isClearDns(flow.protocol, flow.destinationPort) && !denied;
}

/** The connection an outgoing packet belongs to, opened where there is none; notes whether this is its start. */
function connectionOf(flow: Flow, pod: PodState, seen: Observation): Connection | undefined {
  const known = pod.connections.find(flow.destinationIp, flow.protocol, flow.sourcePort, flow.destinationPort);
  const opens = isOpening(flow);
  if (known !== undefined && !(opens && isOver(known, flow.timeMs))) {
    learnNames(known, flow.destinationNames);
    if (opens && !known.sawStart && flow.timeMs - known.firstMs < REORDERED_MS) {
      // The answer was stamped before the question.
      known.sawStart = true;
      seen.started = true;
      seen.established = known.isEstablished;
    }
    return known;
  }
  const scope = scopeOf(flow.destination, flow.destinationIp);
  if (scope === 'Group') {
    return undefined;
  }
  seen.started = opens;
  return pod.openConnection(scope, { flow, role: 'Source', sawStart: opens });
}

/** Hubble may know the name on a later event only. */
function learnNames(connection: Connection, names: readonly string[]): void {
  if (connection.naming !== 'Named' && names.length > 0) {
    connection.naming = 'Named';
    connection.names = names;
  }
}

function observeReply(flow: Flow, pod: PodState, seen: Observation): boolean {
  if (flow.verdict === 'DROPPED' || isClearDns(flow.protocol, flow.sourcePort)) {
    return false;
  }
  seen.kind = 'Reply';
  if (isUnreachable(flow)) {
    const unanswered = pod.connections.unanswered(flow.sourceIp);
    return unanswered !== undefined && refuse(unanswered, flow, seen);
  }
  // ICMP has no ports, so question and answer look alike.
  const known = pod.connections.find(flow.sourceIp, flow.protocol, flow.destinationPort, flow.sourcePort);
  const connection = known ?? olderConnection(flow, pod);
  if (connection === undefined) {
    return false;
  }
  if ((flow.tcpFlags & TCP_FLAG.RST) !== 0 && !connection.isEstablished) {
    return refuse(connection, flow, seen);
  }
  connection.note(flow.timeMs, true);
  noteClosing(connection, flow);
  seen.connection = connection;
  seen.established = !connection.isEstablished && connection.sawStart;
  connection.isEstablished = true;
  return true;
}

/** A connection of which only an answer has been seen, so it began before we watched. */
function olderConnection(flow: Flow, pod: PodState): Connection | undefined {
  const scope = scopeOf(flow.source, flow.sourceIp);
  return flow.isReply === true && scope !== 'Group'
    ? pod.openConnection(scope, { flow, role: 'Destination', sawStart: false })
    : undefined;
}

function refuse(connection: Connection, flow: Flow, seen: Observation): boolean {
  connection.note(flow.timeMs, true);
  seen.connection = connection;
  seen.refused = !connection.isRefused;
  connection.isRefused = true;
  connection.close(flow.timeMs);
  return true;
}

function noteClosing(connection: Connection, flow: Flow): void {
  if ((flow.tcpFlags & (TCP_FLAG.FIN | TCP_FLAG.RST)) !== 0) {
    connection.close(flow.timeMs);
  }
}

/** Whether a new SYN on the same ports is a new attempt and no retransmission. */
function isOver(connection: Connection, timeMs: number): boolean {
  const idleMs = timeMs - connection.lastMs;
  if (connection.closedMs > 0) {
    return timeMs - connection.closedMs >= PORT_REUSE_MS;
  }
  return idleMs >= (connection.protocol === 'TCP' ? SYN_GIVE_UP_MS : DATAGRAM_IDLE_MS);
}

/** Every lookup has its own port: as connections they would push out all others. Their messages come as DNS. */
function isClearDns(protocol: Flow['protocol'], port: number): boolean {
  return protocol === 'UDP' && port === 53;
}

function isIcmpAnswer(flow: Flow): boolean {
  return (
    (flow.protocol === 'ICMPv4' && flow.icmpType !== ICMP.echoRequest4) ||
    (flow.protocol === 'ICMPv6' && flow.icmpType !== ICMP.echoRequest6)
  );
}

function isUnreachable(flow: Flow): boolean {
  return (
    (flow.protocol === 'ICMPv4' && flow.icmpType === ICMP.unreachable4) ||
    (flow.protocol === 'ICMPv6' && flow.icmpType === ICMP.unreachable6)
  );
}

/** Of the socket layer before translation, or said by nobody. */
const MEANINGLESS: ReadonlySet<Flow['verdict']> = new Set(['TRACED', 'TRANSLATED', 'ERROR'] as const);
const ICMP = { unreachable4: 3, echoRequest4: 8, unreachable6: 1, echoRequest6: 128 } as const;

/** Stamps of one exchange differ by microseconds between CPUs. */
const REORDERED_MS = 1000;
/** The last pause between SYNs is 64 s with `tcp_syn_retries=6` (1, 3, 7, 15, 31, 63 s after the first). */
const SYN_GIVE_UP_MS = 70_000;
/** Linux' nf_conntrack_udp_timeout_stream of old; longer than the longest keepalive that is looked for. */
const DATAGRAM_IDLE_MS = 180_000;
/** A kernel does not hand out the port of a closed connection at once; nmap, which picks its own, comes back later. */
const PORT_REUSE_MS = 10_000;
