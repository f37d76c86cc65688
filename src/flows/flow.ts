/**
 * One network event, as every source delivers it, and the contract of a source.
 *
 * Only the fields that attribution and detection use; anything a source does not know is undefined, never a guess:
 * `isReply` undefined is not false (drops and traces of unknown reason carry no answer).
 * Decoding is `decode-json.ts` and `decode-protobuf.ts`; the edges that read sockets and files are in `sources/`.
 */

export type Verdict = 'FORWARDED' | 'DROPPED' | 'ERROR' | 'AUDIT' | 'REDIRECTED' | 'TRACED' | 'TRANSLATED' | 'UNKNOWN';
export type Protocol = 'TCP' | 'UDP' | 'SCTP' | 'ICMPv4' | 'ICMPv6' | 'OTHER';
export type TrafficDirection = 'INGRESS' | 'EGRESS' | 'UNKNOWN';

/** Bits of `Flow.tcpFlags`. */
export const TCP_FLAG = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128, NS: 256 } as const;

/** Values of `Flow.eventType` (Cilium monitor API). */
export const EVENT_TYPE = { DROP: 1, TRACE: 4, POLICY_VERDICT: 5, TRACE_SOCK: 7, L7: 129 } as const;

/** Values of `Flow.dropReason` that mean "a policy said no"; every other reason is datapath noise. */
export const POLICY_DROP_REASON = { POLICY_DENIED: 133, POLICY_DENY: 181, AUTH_REQUIRED: 189 } as const;

/** One end of a flow. */
export interface FlowEndpoint {
  /** Cilium endpoint id; not 0 only for an endpoint of the reporting node. */
  id: number;
  identity: number;
  /** Empty for anything that is not a pod. */
  namespace: string;
  podName: string;
  /** As on the wire, with source prefix: `k8s:app=agent`, `reserved:world`. */
  labels: readonly string[];
  workload?: { kind: string; name: string };
}

export interface DnsRecord {
  type: 'REQUEST' | 'RESPONSE' | 'UNKNOWN';
  /** Lower case, without trailing dot. */
  query: string;
  ips: readonly string[];
  cnames: readonly string[];
  qtypes: readonly string[];
  rrtypes: readonly string[];
  rcode: number;
  /** Seconds. */
  ttl: number;
}

export interface HttpRecord {
  type: 'REQUEST' | 'RESPONSE' | 'UNKNOWN';
  code: number;
  method: string;
  url: string;
}

export interface Flow {
  uuid: string;
  /** Event time, milliseconds since the epoch, with microseconds as fraction. */
  timeMs: number;
  nodeName: string;
  verdict: Verdict;
  /** 0 when not dropped. */
  dropReason: number;
  /** Cilium monitor event type, see EVENT_TYPE; 0 when unknown. */
  eventType: number;
  isReply: boolean | undefined;
  direction: TrafficDirection;
  /** TraceReason name such as NEW, ESTABLISHED, REPLY; empty when not a trace. */
  traceReason: string;
  protocol: Protocol;
  sourceIp: string;
  destinationIp: string;
  /** 0 when the protocol has none. */
  sourcePort: number;
  destinationPort: number;
  /** Bits of TCP_FLAG; 0 for other protocols. */
  tcpFlags: number;
  /** ICMP type and code; -1 for other protocols. */
  icmpType: number;
  icmpCode: number;
  source: FlowEndpoint;
  destination: FlowEndpoint;
  /** Names the agent node knows for the address, lower case, without trailing dot. */
  sourceNames: readonly string[];
  destinationNames: readonly string[];
  /** `namespace/name` of the Service, empty when none. */
  destinationService: string;
  dns?: DnsRecord;
  http?: HttpRecord;
  /** `kind/namespace/name` of policies that denied it, where the engine says so. */
  deniedBy: readonly string[];
}

/** Flows that were lost between the kernel and us, or a change of what is covered. Absence proves nothing meanwhile. */
export interface LostEvents {
  timeMs: number;
  nodeName: string;
  source: string;
  count: number;
}

export interface NodeStatus {
  timeMs: number;
  state: 'CONNECTED' | 'UNAVAILABLE' | 'GONE' | 'ERROR' | 'UNKNOWN';
  nodeNames: readonly string[];
  message: string;
}

export type FlowEvent =
  | { kind: 'flow'; flow: Flow }
  | { kind: 'lost'; lost: LostEvents }
  | { kind: 'node'; node: NodeStatus };

/** What a line or message that could not be read was, for counters and messages; the text itself is never logged. */
export interface DecodeFailure {
  reason: 'NotJson' | 'NotAFlow' | 'TooLong' | 'BadField';
  /** Sentence with line number, field and value (escaped and cut), for people. */
  message: string;
}

/** How well a source covers what happens, for the condition DetectionCovered. */
export interface SourceHealth {
  connected: boolean;
  /** Event time of the newest flow, or undefined before the first. */
  lastFlowTimeMs: number | undefined;
  received: number;
  duplicates: number;
  lost: number;
  undecodable: number;
  /** Nodes that are known to be missing. */
  unavailableNodes: readonly string[];
  /** Last error, for people. */
  error: string | undefined;
}

/**
 * Where flows come from. One pass over `batches` is one subscription: a live source reconnects by itself and ends only
 * when the signal is aborted, a file ends at its end. Batches give the reader's pace back to the wire.
 */
export interface FlowSource {
  readonly name: string;
  batches(signal: AbortSignal): AsyncIterable<readonly FlowEvent[]>;
  health(): SourceHealth;
}
