/** Writes through a bad network: tried again until done, done once, and never over somebody else's object. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Applier, createApplier } from '../../src/kube/apply.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { loadKubeConfig } from '../../src/kube/kube-config.ts';
import { RESOURCES } from '../../src/kube/resources.ts';
import { Transport } from '../../src/kube/transport.ts';
import { WorkQueue } from '../../src/kube/work-queue.ts';
import type { PolicyObject } from '../../src/policy/plan.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { useCluster } from '../support/cluster.ts';
import { type Fault, isWrite, type Proxy, startProxy, status } from './proxy.ts';

const cluster = useCluster();
let namespace: string;
let proxy: Proxy;
let client: KubeClient;
let applier: Applier;
let queue: WorkQueue;

beforeAll(async () => {
  namespace = await cluster.namespace();
  const { server, caPem, adminToken } = cluster;
  proxy = await startProxy({ server, caPem, token: adminToken }, cluster.folder);
  const transport = new Transport(loadKubeConfig({ path: proxy.kubeconfigPath }).config);
  client = new KubeClient({ transport, fieldManager: 'bulkhead', timeoutMs: 1000 });
  applier = createApplier({ client, fieldManager: 'bulkhead' });
  queue = new WorkQueue({
    name: 'policies',
    workers: 1,
    clock: systemClock,
    log: silentLogger,
    handle: async (name) => {
      await applier.apply(policy(name));
      return undefined;
    },
  });
  queue.start();
});
afterAll(async () => {
  await queue.stop(1000);
  await client.close();
  await proxy.close();
});

function policy(name: string): PolicyObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { namespace, name, labels: { 'app.kubernetes.io/managed-by': 'bulkhead' } },
    spec: { podSelector: { matchLabels: { app: 'agent' } }, policyTypes: ['Ingress', 'Egress'] },
  };
}

const ROWS: [string, Fault, number][] = [
  ['the connection is reset', { kind: 'reset' }, 2],
  ['the server is too busy', { kind: 'answer', status: 503, body: status(503, 'ServiceUnavailable') }, 2],
  [
    'the server asks for patience',
    { kind: 'answer', status: 429, headers: { 'retry-after': '1' }, body: status(429, 'TooManyRequests') },
    1,
  ],
  ['there is no answer', { kind: 'silence' }, 1],
  ['it was done but the answer was lost', { kind: 'lose-answer' }, 1],
  ['the answer is cut', { kind: 'cut', afterBytes: 20 }, 1],
];

it.each(ROWS)('an apply is done in the end when %s', async (_name, fault, times) => {
  const name = `faulty-${ROWS.findIndex(([, row]) => row === fault)}`;
  proxy.inject(isWrite, fault, times);
  queue.add(name);
  const ref = { resource: RESOURCES.networkPolicies, namespace, name };
  await vi.waitFor(async () => {
    expect(await client.get<PolicyObject>(ref)).toMatchObject({ spec: policy(name).spec, metadata: { generation: 1 } });
  }, WAIT);
});

it('an object that a user makes while we try is not touched by the next try', async () => {
  const name = 'contested';
  proxy.inject(isWrite, { kind: 'reset' });
  await expect(applier.apply(policy(name))).rejects.toMatchObject({ name: 'ApiError', code: 'ConnectionFailed' });
  const theirs = { ...policy(name), metadata: { name, namespace }, spec: { podSelector: {}, policyTypes: ['Egress'] } };
  const path = `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`;
  await cluster.api.call('POST', path, { body: theirs });
  await expect(applier.apply(policy(name))).rejects.toMatchObject({ name: 'TerminalError', code: 'NameConflict' });
  expect((await cluster.api.call('GET', `${path}/${name}`))['spec']).toEqual(theirs.spec);
});

const WAIT = { timeout: 20_000, interval: 20 };
