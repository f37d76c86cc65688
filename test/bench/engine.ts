/**
 * How many flows the detection engine takes per second on one core, for three mixes of traffic.
 *
 * Prints figures and judges nothing. `node test/bench/engine.ts [flows] [word of a mix]`; flows are made in memory before the clock starts,
 * so this is the engine alone, without wire and decoding.
 */
import { cpus } from 'node:os';
import process from 'node:process';
import { createEngine } from '../../src/detect/engine.ts';
import { DETECTORS } from '../../src/detect/registry.ts';
import type { WatchedPod, WatchedSandbox } from '../../src/detect/watch.ts';
import { EVENT_TYPE, type Flow, type FlowEndpoint, type FlowEvent, TCP_FLAG } from '../../src/flows/flow.ts';

const FLOWS = Number(process.argv[2] ?? 400_000);
const ONLY = process.argv[3] ?? '';
const PODS = 1000;
const START_MS = Date.UTC(2026, 0, 1);

const sandbox: WatchedSandbox = {
  namespace: 'agents',
  name: 'bench',
  detection: { sensitivity: 'Balanced', detectors: [], exemptions: [] },
  egress: { allow: [], dns: { resolvers: [], names: [] } },
  serviceAccountToken: 'Denied',
};

const WORLD: FlowEndpoint = { id: 0, identity: 2, namespace: '', podName: '', labels: ['reserved:world'] };
const NODE: FlowEndpoint = { id: 0, identity: 1, namespace: '', podName: '', labels: ['reserved:host'] };
const pods: WatchedPod[] = Array.from({ length: PODS }, (_, index) => ({
  key: `agents/pod-${index}`,
  namespace: 'agents',
  name: `pod-${index}`,
  uid: `uid-${index}`,
  owner: 'Deployment/agent',
  startedMs: undefined,
  sandbox,
}));
const endpoints: FlowEndpoint[] = pods.map((pod, index) => ({
  id: index + 1,
  identity: 1000,
  namespace: pod.namespace,
  podName: pod.name,
  labels: ['k8s:app=agent'],
}));
const byName = new Map(pods.map((pod) => [pod.name, pod]));

/** Deterministic, so that every run sees the same flows. */
function randomly(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const random = randomly(7);

function flow(index: number, fields: Partial<Flow>): FlowEvent {
  return {
    kind: 'flow',
    flow: {
      uuid: `flow-${index}`,
      timeMs: START_MS + index * 0.02,
      nodeName: `node-${index % 8}`,
      verdict: 'FORWARDED',
      dropReason: 0,
      eventType: EVENT_TYPE.TRACE,
      isReply: false,
      direction: 'EGRESS',
      traceReason: 'ESTABLISHED',
      protocol: 'TCP',
      sourceIp: '10.0.0.1',
      destinationIp: '203.0.113.10',
      sourcePort: 40_000,
      destinationPort: 443,
      tcpFlags: TCP_FLAG.ACK,
      icmpType: -1,
      icmpCode: -1,
      source: NODE,
      destination: WORLD,
      sourceNames: [],
      destinationNames: [],
      destinationService: '',
      deniedBy: [],
      ...fields,
    },
  };
}

/** A pod stays on its node, or its story would have no order. */
function podOf(index: number): FlowEndpoint {
  const slot = Math.floor(random() * (PODS / 8)) * 8 + (index % 8);
  return endpoints[slot] as FlowEndpoint;
}

const MIXES: Record<string, (index: number) => FlowEvent> = {
  'no pod of ours': (index) => flow(index, { source: NODE, destination: WORLD }),
  'established connections': (index) => {
    const pod = podOf(index);
    const place = index % 5;
    const ends = {
      destinationNames: ['api.example.com'],
      destinationIp: `198.51.100.${place}`,
      sourcePort: 40_000 + place,
    };
    return index % 2 === 0
      ? flow(index, { source: pod, ...ends, tcpFlags: TCP_FLAG.ACK | TCP_FLAG.PSH })
      : flow(index, {
          source: WORLD,
          destination: pod,
          isReply: true,
          traceReason: 'REPLY',
          sourceIp: ends.destinationIp,
          destinationIp: '10.0.0.1',
          sourcePort: 443,
          destinationPort: ends.sourcePort,
          sourceNames: ends.destinationNames,
        });
  },
  'every flow a new connection': (index) =>
    flow(index, {
      source: podOf(index),
      traceReason: 'NEW',
      tcpFlags: TCP_FLAG.SYN,
      destinationNames: ['api.example.com'],
      destinationIp: `198.51.100.${index % 250}`,
      sourcePort: 20_000 + (index % 40_000),
    }),
  'port scans, all denied': (index) =>
    flow(index, {
      source: podOf(index),
      verdict: 'DROPPED',
      dropReason: 133,
      eventType: EVENT_TYPE.DROP,
      isReply: undefined,
      tcpFlags: TCP_FLAG.SYN,
      destinationIp: `10.1.${index % 250}.7`,
      sourcePort: 20_000 + (index % 40_000),
      destinationPort: 1 + (index % 9000),
    }),
};

process.stdout.write(
  `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores; Node ${process.version}; ${FLOWS} flows, ${PODS} pods\n`,
);
for (const [name, make] of Object.entries(MIXES).filter(([name]) => name.includes(ONLY))) {
  const events = Array.from({ length: FLOWS }, (_, index) => make(index));
  let findings = 0;
  const engine = createEngine({
    resolve: (endpoint) => (endpoint.podName === '' ? undefined : byName.get(endpoint.podName)),
    detectors: DETECTORS,
    onFinding: () => {
      findings += 1;
    },
  });
  const began = process.hrtime.bigint();
  for (const event of events) {
    engine.ingest(event);
  }
  engine.flush();
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const perSecond = Math.round(FLOWS / seconds).toLocaleString('en-US');
  process.stdout.write(`${name.padEnd(28)} ${perSecond.padStart(12)} flows/s   ${findings} findings told\n`);
}
