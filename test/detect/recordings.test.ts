/**
 * Real programs on a real node, judged without any allow list: who is good stays below an alert, who is bad is found.
 *
 * `labels.json` says what each pod did. What each recording leads to follows from the table of weights and is stated beside
 * it; what is missed is stated, too. Detectors that do not exist yet are left out.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createEngine } from '../../src/detect/engine.ts';
import { type Action, atLeast, type Finding } from '../../src/detect/finding.ts';
import { DETECTORS } from '../../src/detect/registry.ts';
import type { WatchedPod } from '../../src/detect/watch.ts';
import type { FlowEndpoint } from '../../src/flows/flow.ts';
import { jsonlFile } from '../../src/flows/sources/jsonl-file.ts';
import { sandboxOf } from './scenario.ts';

const FOLDER = new URL('../recordings/', import.meta.url);

interface Labels {
  pods: Record<string, { label: 'benign' | 'malicious'; behaviours: { kind: string; from: string; to: string }[] }>;
}

const LABELS: Record<string, Labels> = {
  ...(JSON.parse(readFileSync(new URL('labels.json', FOLDER), 'utf8')) as Record<string, Labels>),
  ...(JSON.parse(readFileSync(new URL('demo-rome.labels.json', FOLDER), 'utf8')) as Record<string, Labels>),
};

/** Highest rung that a recording must reach, by detector, and why that one. */
const EXPECTED: Record<string, { detector: Finding['detector']; action: Action; why: string }[]> = {
  autossh: [{ detector: 'ReverseTunnel', action: 'watch', why: 'ssh by address; no session lives ten minutes' }],
  'demo-rome': [
    { detector: 'InternalProbing', action: 'quarantine', why: 'denied burst, then a scan' },
    { detector: 'ReverseTunnel', action: 'quarantine', why: 'ssh by address, keepalive, ten minutes, pivots: 84' },
    {
      detector: 'CryptoMining',
      action: 'alert',
      why: 'stratum port and steady traffic: 55, and not the pod’s leading finding',
    },
    { detector: 'ForbiddenDestination', action: 'alert', why: 'ten denied places: 65' },
  ],
  'mining-bare-ip': [{ detector: 'CryptoMining', action: 'restrict', why: '40, 25 and no name: 71' }],
  'mining-bare-ip-3333': [{ detector: 'CryptoMining', action: 'watch', why: 'six minutes: the port alone, 40' }],
  'mining-blocked': [
    { detector: 'CryptoMining', action: 'quarantine', why: 'retries at a stratum port 58, with ten denials 55: 81' },
    { detector: 'ForbiddenDestination', action: 'alert', why: 'ten denied attempts: 55' },
  ],
  'mining-pool-name': [{ detector: 'CryptoMining', action: 'quarantine', why: 'a listed pool on its port: 95' }],
  'probing-allowed': [{ detector: 'InternalProbing', action: 'quarantine', why: 'walk and shape: 80' }],
  'probing-denied': [
    { detector: 'InternalProbing', action: 'quarantine', why: 'walk, shape and denials: 93' },
    { detector: 'ForbiddenDestination', action: 'alert', why: 'ten denied places: 65' },
  ],
  'probing-names': [{ detector: 'InternalProbing', action: 'alert', why: 'the walk alone: 60' }],
  'probing-slow-allowed': [{ detector: 'InternalProbing', action: 'quarantine', why: 'walk and ten denials: 86' }],
  'probing-slow-denied': [
    { detector: 'InternalProbing', action: 'quarantine', why: 'walk and ten denials: 86' },
    { detector: 'ForbiddenDestination', action: 'alert', why: 'ten denied places: 65' },
  ],
  'reverse-ssh-denied': [
    { detector: 'ReverseTunnel', action: 'alert', why: 'ssh tried again and again 45, with three denials 30: 62' },
    { detector: 'ForbiddenDestination', action: 'watch', why: 'six attempts in five minutes: 30' },
  ],
  'reverse-ssh-idle': [
    { detector: 'ReverseTunnel', action: 'restrict', why: 'ssh by address, twelve minutes, keepalive: 73' },
  ],
  'reverse-ssh-idle-stretched': [{ detector: 'ReverseTunnel', action: 'restrict', why: 'the same for 71 minutes: 73' }],
  'reverse-ssh-pivot': [{ detector: 'ReverseTunnel', action: 'quarantine', why: 'and pivots: 84' }],
  'rome-denied-burst': [{ detector: 'ForbiddenDestination', action: 'alert', why: 'ten denied places: 65' }],
  'ssh-443-denied': [
    { detector: 'ForbiddenDestination', action: 'watch', why: 'four attempts: 30; ssh on 443 looks like the web' },
  ],
  'udp-overlay': [{ detector: 'ReverseTunnel', action: 'restrict', why: 'port, keepalive, no name: 71' }],
};

async function judgeRecording(name: string): Promise<Finding[]> {
  const pods = new Map<string, WatchedPod>();
  const latest = new Map<string, Finding>();
  const sandbox = sandboxOf();
  const engine = createEngine({
    resolve: (endpoint: FlowEndpoint) => {
      if (!endpoint.labels.includes('k8s:bulkhead.dev/sandbox=rl-agents')) {
        return undefined;
      }
      const key = `${endpoint.namespace}/${endpoint.podName}`;
      const pod = pods.get(key) ?? {
        key,
        namespace: endpoint.namespace,
        name: endpoint.podName,
        uid: '',
        owner: '',
        startedMs: undefined,
        sandbox,
      };
      pods.set(key, pod);
      return pod;
    },
    detectors: DETECTORS,
    onFinding: (finding) => latest.set(finding.key, finding),
  });
  const source = jsonlFile(new URL(`${name}.jsonl.gz`, FOLDER).pathname);
  for await (const batch of source.batches(new AbortController().signal)) {
    batch.forEach((event) => engine.ingest(event));
  }
  engine.flush();
  return [...latest.values()];
}

describe.each(Object.entries(LABELS))('%s', (name, { pods }) => {
  const judged = judgeRecording(name);
  const of = async (pod: string) =>
    (await judged).filter((finding) => `${finding.pod.namespace}/${finding.pod.name}` === pod);

  for (const [pod, { label, behaviours }] of Object.entries(pods)) {
    if (label === 'benign') {
      test(`${pod} is good, and causes no alert`, async () => {
        const alerts = (await of(pod)).filter(({ action }) => atLeast(action, 'alert'));
        expect(alerts.map(({ explanation }) => explanation)).toEqual([]);
      });
      continue;
    }
    for (const { detector, action, why } of EXPECTED[name] ?? []) {
      test(`${pod}: ${detector} reaches ${action} (${why})`, async () => {
        const found = (await of(pod)).filter((finding) => finding.detector === detector);
        expect(found.map((finding) => finding.action)).toContain(action);
        const since = Math.min(...behaviours.map(({ from }) => Date.parse(from)));
        expect(Math.min(...found.map(({ firstSeenMs }) => firstSeenMs))).toBeGreaterThanOrEqual(since);
      });
    }
  }

  test('nobody else is suspected', async () => {
    const others = (await judged).filter(
      ({ pod, action }) => !(`${pod.namespace}/${pod.name}` in pods) && atLeast(action, 'alert'),
    );
    expect(others.map(({ pod, explanation }) => `${pod.name}: ${explanation}`)).toEqual([]);
  });
});

test('every recording of a kind that has a detector is expected to be found', () => {
  const kinds = new Set<string>(DETECTORS.map(({ name }) => name));
  for (const [name, { pods }] of Object.entries(LABELS)) {
    const behaviours = Object.values(pods).flatMap((pod) => pod.behaviours.map(({ kind }) => kind));
    expect(
      behaviours.some((kind) => kinds.has(kind)),
      name,
    ).toBe(name in EXPECTED);
  }
});
