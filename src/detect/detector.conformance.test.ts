/**
 * What every detector must do, whatever it looks for. A new detector is held to this by being in the registry.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AGENT,
  far,
  flowOf,
  isDenied,
  isRefused,
  looksUp,
  mayNotLookUp,
  opens,
  otherPod,
  SECOND,
  sandboxOf,
  watchedPod,
} from '../../test/detect/scenario.ts';
import { story } from '../../test/detect/stories.ts';
import { DETECTOR_NAMES } from '../api/v1alpha1/detector-names.ts';
import type { Flow } from '../flows/flow.ts';
import type { Detector } from './detector.ts';
import { createEngine } from './engine.ts';
import type { Finding } from './finding.ts';
import { DETECTORS } from './registry.ts';

const SANDBOX = sandboxOf();
const RUNS = { numRuns: 30 };

/** Everything that is found about the agent, and about another watched pod, by these detectors alone. */
function run(detectors: readonly Detector[], flows: readonly Flow[]): Finding[] {
  const latest = new Map<string, Finding>();
  const pods = new Map(
    [AGENT.podName, 'agent-1'].map((podName) => [podName, watchedPod({ ...AGENT, podName }, { sandbox: SANDBOX })]),
  );
  const engine = createEngine({
    resolve: ({ namespace, podName }) => (namespace === 'agents' ? pods.get(podName) : undefined),
    detectors,
    onFinding: (finding) => latest.set(finding.key, finding),
  });
  flows.forEach((flow) => engine.ingest({ kind: 'flow', flow }));
  engine.flush();
  for (const finding of engine.findingsOf('agents/agent-0')) {
    latest.set(finding.key, latest.get(finding.key) ?? finding);
  }
  return [...latest.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

function shifted(flows: readonly Flow[], ms: number): Flow[] {
  return flows.map((flow) => ({ ...flow, timeMs: flow.timeMs + ms }));
}

function ofPod(flows: readonly Flow[], podName: string): Flow[] {
  return flows.map((flow) => ({
    ...flow,
    uuid: `${podName}-${flow.uuid}`,
    source: flow.source === AGENT ? { ...AGENT, podName } : flow.source,
    destination: flow.destination === AGENT ? { ...AGENT, podName } : flow.destination,
  }));
}

test('every detector has one of the names users write, and no two have the same', () => {
  const names = DETECTORS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(DETECTOR_NAMES).toEqual(expect.arrayContaining(names));
});

describe.each(DETECTORS.map((detector) => [detector.name, detector] as const))('%s', (_name, detector) => {
  test('the same flows give the same findings', () => {
    fc.assert(
      fc.property(story, (flows) => {
        expect(run([detector], flows)).toEqual(run([detector], flows));
      }),
      RUNS,
    );
  });

  test('has no clock: the same story a year later is the same story a year later', () => {
    const YEAR = 365 * 24 * 3_600_000;
    const moved = ({ flows: _, evidence, ...finding }: Finding) => ({
      ...finding,
      raisedAtMs: finding.raisedAtMs - YEAR,
      firstSeenMs: finding.firstSeenMs - YEAR,
      lastSeenMs: finding.lastSeenMs - YEAR,
      evidence: evidence.map((one) => ({ ...one, timeMs: one.timeMs - YEAR })),
    });
    fc.assert(
      fc.property(story, (flows) => {
        const now = run([detector], wholeMs(flows)).map(({ flows: _, ...finding }) => finding);
        expect(run([detector], shifted(wholeMs(flows), YEAR)).map(moved)).toEqual(now);
      }),
      RUNS,
    );
  });

  test('what other pods do changes nothing', () => {
    fc.assert(
      fc.property(story, story, (flows, others) => {
        const foreign = ofPod(others, 'elsewhere').map((flow) => ({
          ...flow,
          source: flow.source.podName === 'elsewhere' ? { ...flow.source, namespace: 'other' } : flow.source,
          destination:
            flow.destination.podName === 'elsewhere' ? { ...flow.destination, namespace: 'other' } : flow.destination,
        }));
        const all = [...flows, ...foreign, ...ofPod(others, 'agent-1')].sort((a, b) => a.timeMs - b.timeMs);
        const own = run([detector], all).filter(({ pod }) => pod.name === 'agent-0');
        // The node's clock goes on with the others', so what fades in the end is left out.
        expect(own.map(decision)).toEqual(expect.arrayContaining(run([detector], flows).map(decision)));
      }),
      RUNS,
    );
  });

  test('does not need the others to find what it finds', () => {
    const evidence = (found: readonly Finding[]) =>
      found.filter((one) => one.detector === detector.name).map(({ key, evidence: shown }) => ({ key, shown }));
    fc.assert(
      fc.property(story, (flows) => {
        expect(evidence(run([detector], flows))).toEqual(evidence(run(DETECTORS, flows)));
      }),
      RUNS,
    );
  });

  test('explains itself', () => {
    expect(detector.title).toMatch(/^[A-Z].{5,60}$/);
    expect(detector.attack).toEqual(detector.attack.filter((id) => /^T\d{4}(\.\d{3})?$/.test(id)));
    expect(detector.attack.length).toBeGreaterThan(0);
    expect(detector.atlas).toEqual(detector.atlas.filter((id) => /^AML\.T\d{4}(\.\d{3})?$/.test(id)));
    const found = run([detector], everything());
    expect(found.length).toBeGreaterThan(0);
    for (const { evidence, explanation, target, flows } of found) {
      expect(target).not.toBe('');
      expect(flows.length).toBeGreaterThan(0);
      for (const one of evidence) {
        expect(one.points).toBeGreaterThan(0);
        expect(one.points).toBeLessThanOrEqual(100);
        expect(Math.min(one.value.length, one.threshold.length, one.source.length)).toBeGreaterThan(3);
      }
      for (const one of evidence.slice(0, 3)) {
        expect(explanation).toContain(`${one.value} (${one.points})`);
      }
    }
  });
});

test('all of them together keep within 320 KiB a pod, however the pods behave', () => {
  const pods = 24;
  const watchedPods = Array.from({ length: pods }, (_, index) =>
    watchedPod({ ...AGENT, podName: `agent-${index}` }, { sandbox: SANDBOX }),
  );
  const engine = createEngine({
    resolve: ({ namespace, podName }) =>
      namespace === 'agents' ? watchedPods[Number(podName.split('-')[1])] : undefined,
    detectors: DETECTORS,
    onFinding: () => undefined,
    limits: { maxWaiting: 1 },
  });
  const feed = (from: number, to: number, steps: number) => {
    for (let index = from; index < to; index += 1) {
      const flood = Array.from({ length: steps }, (_, step) => anything(step)).flat();
      ofPod(flood, `agent-${index}`).forEach((flow) => engine.ingest({ kind: 'flow', flow }));
    }
  };
  // Half of the pods first, so that what is made only once, such as compiled code, is there before the measurement.
  feed(0, pods / 2, 6000);
  const before = heapBytes();
  feed(pods / 2, pods, 6000);
  const perPod = (heapBytes() - before) / (pods / 2);
  expect(engine.stats().evicted.connections).toBeGreaterThan(pods * 1000);
  expect(perPod).toBeGreaterThan(32 * 1024);
  expect(perPod).toBeLessThan(320 * 1024);
});

function decision({ key, action, raisedAtMs }: Finding) {
  return { key, action, raisedAtMs };
}

/** A year is no whole number of microseconds away for a double; whole milliseconds are. */
function wholeMs(flows: readonly Flow[]): Flow[] {
  return flows.map((flow) => ({ ...flow, timeMs: Math.floor(flow.timeMs) }));
}

/** Something that every detector finds something in. */
function everything(): Flow[] {
  return [
    ...opens(0, far('203.0.113.9', 22, 40_000)),
    ...opens(SECOND, far('203.0.113.66', 3333, 40_001)),
    ...Array.from({ length: 12 }, (_, index) =>
      isDenied(2 * SECOND + index * 100, far(`10.0.${index}.2`, 5432, 41_000 + index)),
    ).flat(),
  ];
}

/** One of a thousand things, each time with another address, port and name. */
function anything(index: number): Flow[] {
  const atMs = index * 40;
  const port = 1 + ((index * 7) % 60_000);
  const from = 1024 + (index % 60_000);
  const ip = `${11 + (index % 80)}.${(index >> 6) % 250}.${index % 250}.${index % 9}`;
  const name = `h${index}.x${index % 977}.ngrok.io`;
  switch (index % 6) {
    case 0:
      return opens(atMs, far(ip, port, from));
    case 1:
      return isRefused(
        atMs,
        far(`10.${index % 200}.${index % 250}.1`, port, from, { endpoint: otherPod(`p${index}`) }),
      );
    case 2:
      return isDenied(atMs, far(ip, port, from));
    case 3:
      return looksUp(atMs, name, ip);
    case 4:
      return mayNotLookUp(atMs, name);
    default:
      return [flowOf(atMs, { destinationIp: ip, destinationPort: port, sourcePort: from, destinationNames: [name] })];
  }
}

/** Bytes in use after a full collection. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return getHeapStatistics().used_heap_size;
}
