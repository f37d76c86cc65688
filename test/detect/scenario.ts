/**
 * Flows as Hubble tells them of one agent pod, for tests of detection: each function is one thing that happens, and gives
 * all the flows it makes on a real node (verdict and trace, both flows of a drop, aggregation at 5 s).
 */
import { createEngine, type Engine, type EngineLimits, type EngineStats } from '../../src/detect/engine.ts';
import type { Finding } from '../../src/detect/finding.ts';
import { DETECTORS } from '../../src/detect/registry.ts';
import type { WatchedPod, WatchedSandbox } from '../../src/detect/watch.ts';
import {
  type DnsRecord,
  EVENT_TYPE,
  type Flow,
  type FlowEndpoint,
  type FlowEvent,
  TCP_FLAG,
} from '../../src/flows/flow.ts';

/** Event time at which every scenario begins. */
export const T0 = Date.parse('2026-03-01T12:00:00Z');
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

export const AGENT: FlowEndpoint = {
  id: 504,
  identity: 7403,
  namespace: 'agents',
  podName: 'agent-0',
  labels: ['k8s:app=agent', 'k8s:io.kubernetes.pod.namespace=agents'],
};
export const AGENT_IP = '10.0.0.5';
export const WORLD: FlowEndpoint = { id: 0, identity: 2, namespace: '', podName: '', labels: ['reserved:world'] };

/** A pod of the cluster that is not watched. */
export function otherPod(name: string, workload?: string): FlowEndpoint {
  return {
    id: 900,
    identity: 5000,
    namespace: 'platform',
    podName: name,
    labels: ['k8s:app=server'],
    ...(workload === undefined ? {} : { workload: { kind: 'Deployment', name: workload } }),
  };
}

export function sandboxOf(over: Partial<WatchedSandbox> = {}): WatchedSandbox {
  return {
    namespace: 'agents',
    name: 'agents',
    detection: { sensitivity: 'Balanced', detectors: [], exemptions: [] },
    egress: { allow: [], dns: { resolvers: [], names: [] } },
    serviceAccountToken: 'Denied',
    ...over,
  };
}

/** An egress rule as it stands in a sandbox after defaulting. */
export function allow(
  to: WatchedSandbox['egress']['allow'][number]['to'],
  ...ports: number[]
): WatchedSandbox['egress'] {
  return {
    allow: [{ name: 'rule', to, ports: ports.map((port) => ({ protocol: 'TCP' as const, port })) }],
    dns: { resolvers: [], names: [] },
  };
}

let serial = 0;

/** A flow of nothing in particular, from the agent to the world. */
export function flowOf(atMs: number, over: Partial<Flow> = {}): Flow {
  serial += 1;
  return {
    uuid: `uuid-${String(serial).padStart(7, '0')}`,
    timeMs: T0 + atMs,
    nodeName: 'node-1',
    verdict: 'FORWARDED',
    dropReason: 0,
    eventType: EVENT_TYPE.TRACE,
    isReply: false,
    direction: 'EGRESS',
    traceReason: 'ESTABLISHED',
    protocol: 'TCP',
    sourceIp: AGENT_IP,
    destinationIp: '203.0.113.10',
    sourcePort: 40_000,
    destinationPort: 443,
    tcpFlags: TCP_FLAG.ACK | TCP_FLAG.PSH,
    icmpType: -1,
    icmpCode: -1,
    source: AGENT,
    destination: WORLD,
    sourceNames: [],
    destinationNames: [],
    destinationService: '',
    deniedBy: [],
    ...over,
  };
}

/** The far end of a connection. */
export interface Far {
  ip: string;
  port: number;
  /** Local port; one connection each. */
  from: number;
  endpoint?: FlowEndpoint;
  protocol?: 'TCP' | 'UDP';
  /** As Hubble knows them. */
  names?: readonly string[];
}

export function far(ip: string, port: number, from: number, over: Partial<Far> = {}): Far {
  return { ip, port, from, ...over };
}

/** A packet from the agent. */
export function sent(atMs: number, to: Far, over: Partial<Flow> = {}): Flow {
  return flowOf(atMs, {
    destinationIp: to.ip,
    destinationPort: to.port,
    sourcePort: to.from,
    destination: to.endpoint ?? WORLD,
    protocol: to.protocol ?? 'TCP',
    destinationNames: to.names ?? [],
    ...(to.protocol === 'UDP' ? { tcpFlags: 0 } : {}),
    ...over,
  });
}

/** A packet to the agent, in answer. */
export function received(atMs: number, by: Far, over: Partial<Flow> = {}): Flow {
  return flowOf(atMs, {
    isReply: true,
    traceReason: 'REPLY',
    sourceIp: by.ip,
    sourcePort: by.port,
    destinationIp: AGENT_IP,
    destinationPort: by.from,
    source: by.endpoint ?? WORLD,
    destination: AGENT,
    protocol: by.protocol ?? 'TCP',
    sourceNames: by.names ?? [],
    ...(by.protocol === 'UDP' ? { tcpFlags: 0 } : {}),
    ...over,
  });
}

const SYN = { tcpFlags: TCP_FLAG.SYN, traceReason: 'NEW' } as const;

/** A connection that is accepted: verdict, SYN, SYN+ACK. */
export function opens(atMs: number, to: Far): Flow[] {
  const isTcp = to.protocol !== 'UDP';
  return [
    sent(atMs, to, { ...(isTcp ? SYN : { traceReason: 'NEW' }), eventType: EVENT_TYPE.POLICY_VERDICT }),
    sent(atMs + 0.1, to, isTcp ? SYN : { traceReason: 'NEW' }),
    received(atMs + 1, to, isTcp ? { tcpFlags: TCP_FLAG.SYN | TCP_FLAG.ACK } : {}),
  ];
}

/** Data from the agent that is answered at once, as a keepalive or a request is. */
export function asks(atMs: number, to: Far): Flow[] {
  return [sent(atMs, to), received(atMs + 2, to)];
}

/** Data from outside that is acknowledged at once. */
export function isTold(atMs: number, by: Far): Flow[] {
  return [received(atMs, by), sent(atMs + 1, by, { tcpFlags: by.protocol === 'UDP' ? 0 : TCP_FLAG.ACK })];
}

/** A connection that nobody listens for: RST. */
export function isRefused(atMs: number, to: Far): Flow[] {
  return [sent(atMs, to, SYN), received(atMs + 1, to, { tcpFlags: TCP_FLAG.RST | TCP_FLAG.ACK })];
}

/** A connection that nobody answers: SYN and its retransmissions. */
export function isIgnored(atMs: number, to: Far): Flow[] {
  return [0, 1, 3].map((second) => sent(atMs + second * SECOND, to, SYN));
}

/** A connection that a policy denies: verdict and drop, for the SYN and for its retransmission. */
export function isDenied(atMs: number, to: Far, over: Partial<Flow> = {}): Flow[] {
  const drop = {
    ...(to.protocol === 'UDP' ? {} : SYN),
    traceReason: '',
    verdict: 'DROPPED',
    dropReason: 133,
    isReply: undefined,
    ...over,
  } as const;
  return [0, SECOND].flatMap((later) => [
    sent(atMs + later, to, { ...drop, eventType: EVENT_TYPE.POLICY_VERDICT }),
    sent(atMs + later + 0.05, to, { ...drop, eventType: EVENT_TYPE.DROP }),
  ]);
}

export function closes(atMs: number, to: Far): Flow[] {
  return [sent(atMs, to, { tcpFlags: TCP_FLAG.FIN | TCP_FLAG.ACK })];
}

const RESOLVER: Far = { ip: '10.0.0.2', port: 53, from: 33_000, protocol: 'UDP', endpoint: otherPod('kube-dns') };

function dnsFlow(flow: Flow, dns: Partial<DnsRecord> & { query: string }): Flow {
  const record = { ips: [], cnames: [], qtypes: ['A'], rrtypes: [], rcode: 0, ttl: 30, ...dns };
  return {
    ...flow,
    eventType: EVENT_TYPE.L7,
    dns: { type: flow.isReply === true ? 'RESPONSE' : 'REQUEST', ...record },
  };
}

/** A lookup that the DNS proxy sees and answers. */
export function looksUp(atMs: number, query: string, ...ips: string[]): Flow[] {
  return [
    dnsFlow(sent(atMs, RESOLVER, { verdict: 'FORWARDED' }), { query }),
    dnsFlow(received(atMs + 2, RESOLVER), { query, ips, rcode: ips.length === 0 ? 3 : 0 }),
  ];
}

/** A lookup that the DNS proxy refuses. */
export function mayNotLookUp(atMs: number, query: string): Flow[] {
  return [dnsFlow(sent(atMs, RESOLVER, { verdict: 'DROPPED' }), { query })];
}

/** A lookup of which only the packets are seen. */
export function looksUpUnseen(atMs: number): Flow[] {
  return [sent(atMs, RESOLVER, { traceReason: 'NEW' }), received(atMs + 2, RESOLVER)];
}

/** An answer of DNS that carries whatever a test needs. */
export function dnsAnswer(atMs: number, dns: Partial<DnsRecord> & { query: string }): Flow {
  return dnsFlow(received(atMs, RESOLVER), dns);
}

/** The same thing again and again. */
export function every(periodMs: number, fromMs: number, toMs: number, happens: (atMs: number) => Flow[]): Flow[] {
  const flows: Flow[] = [];
  for (let atMs = fromMs; atMs <= toMs; atMs += periodMs) {
    flows.push(...happens(atMs));
  }
  return flows;
}

export interface Judged {
  /** Latest word of each finding, by raised time and key. */
  findings: Finding[];
  /** Every word, in the order it was told. */
  told: Finding[];
  /** What is open about the agent ten seconds after the last flow, also what reached no rung. */
  open: readonly Finding[];
  stats: EngineStats;
  of(detector: Finding['detector']): Finding | undefined;
}

export interface Setting {
  sandbox?: WatchedSandbox;
  limits?: Partial<EngineLimits>;
  startedMs?: number;
  /** Events besides the flows, where they belong in the order of arrival by time. */
  events?: readonly FlowEvent[];
  /** As they come; by default in the order of time. */
  inOrder?: boolean;
}

export function watchedPod(endpoint: FlowEndpoint, { sandbox, startedMs }: Setting = {}): WatchedPod {
  return {
    key: `${endpoint.namespace}/${endpoint.podName}`,
    namespace: endpoint.namespace,
    name: endpoint.podName,
    uid: '',
    owner: `Pod/${endpoint.podName}`,
    startedMs,
    sandbox: sandbox ?? sandboxOf(),
  };
}

/** An engine that watches every pod of namespace `agents`. */
export function engineOf(setting: Setting, onFinding: (finding: Finding) => void): Engine {
  const pods = new Map<string, WatchedPod>();
  const sandbox = setting.sandbox ?? sandboxOf();
  return createEngine({
    resolve: (endpoint) => {
      if (endpoint.namespace !== 'agents') {
        return undefined;
      }
      const known = pods.get(endpoint.podName) ?? watchedPod(endpoint, { ...setting, sandbox });
      pods.set(endpoint.podName, known);
      return known;
    },
    detectors: DETECTORS,
    onFinding,
    limits: setting.limits,
  });
}

/** Judges flows to their end. */
export function judge(flows: readonly Flow[], setting: Setting = {}): Judged {
  const told: Finding[] = [];
  const engine = engineOf(setting, (finding) => told.push(finding));
  const events: FlowEvent[] = [...flows.map((flow) => ({ kind: 'flow' as const, flow })), ...(setting.events ?? [])];
  const ordered = setting.inOrder === false ? events : events.toSorted((a, b) => timeOf(a) - timeOf(b));
  for (const event of ordered) {
    engine.ingest(event);
  }
  // Past lateness and time-outs, so that the last flow has been judged, and no further, so that nothing has faded.
  engine.advance(Math.max(T0, ...ordered.map(timeOf)) + 10 * SECOND);
  const open = engine.findingsOf(`${AGENT.namespace}/${AGENT.podName}`);
  engine.flush();
  const latest = new Map(told.map((finding) => [finding.key, finding]));
  const findings = [...latest.values()].sort((a, b) => a.raisedAtMs - b.raisedAtMs || (a.key < b.key ? -1 : 1));
  const of = (detector: Finding['detector']) => findings.find((one) => one.detector === detector);
  return { findings, told, open, stats: engine.stats(), of };
}

export function timeOf(event: FlowEvent): number {
  switch (event.kind) {
    case 'flow':
      return event.flow.timeMs;
    case 'lost':
      return event.lost.timeMs;
    case 'node':
      return event.node.timeMs;
  }
}

/** What most tests compare: who found what, how far it went, and why. */
export function outline(findings: readonly Finding[]): string[] {
  return findings.map(
    ({ detector, action, score, evidence }) =>
      `${detector} ${action} ${score}: ${evidence.map(({ signal, points }) => `${signal} ${points}`).join(', ')}`,
  );
}
