/** The API server is killed and comes back: the operator finds it again by itself and knows what happened meanwhile. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type LocalControlPlane, startLocalControlPlane } from '../../hack/rig/control-plane.ts';
import { createApplier } from '../../src/kube/apply.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { WorkQueue } from '../../src/kube/work-queue.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { type Followed, follow } from './followed.ts';

let plane: LocalControlPlane;
let followed: Followed;
beforeAll(async () => {
  plane = await startLocalControlPlane();
  followed = follow(plane.kubeconfigPath, 'default');
});
afterAll(async () => {
  await followed?.stop();
  await plane?.stop();
});

const put = (name: string, text: string) =>
  plane.api.apply(`/api/v1/namespaces/default/configmaps/${name}`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: { text },
  });

it('an outage ends with the same store and with every write done', async () => {
  await put('kept', '1');
  await put('removed', '1');
  await followed.operator.start();
  await followed.operator.whenSynced();

  const applier = createApplier({ client: followed.client, fieldManager: 'bulkhead' });
  const queue = new WorkQueue({
    name: 'policies',
    workers: 2,
    clock: systemClock,
    log: silentLogger,
    handle: async (name) => {
      await applier.apply({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { namespace: 'default', name, labels: { 'app.kubernetes.io/managed-by': 'bulkhead' } },
        spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
      } as never);
      return undefined;
    },
  });
  queue.start();

  await plane.stopApiServer();
  queue.add('written-in-the-outage');
  await vi.waitFor(() => expect(followed.operator.healthy()[0]?.error).toMatch(/ECONNREFUSED|reset|closed/), WAIT);
  expect(followed.store.list().map(({ name }) => name)).toEqual(expect.arrayContaining(['kept', 'removed']));
  await plane.startApiServer();

  await put('kept', '2');
  await put('added', '1');
  await plane.api.call('DELETE', '/api/v1/namespaces/default/configmaps/removed');
  await vi.waitFor(() => {
    expect(followed.store.get('default', 'kept')).toEqual({ name: 'kept', text: '2' });
    expect(followed.store.get('default', 'added')).toEqual({ name: 'added', text: '1' });
    expect(followed.store.get('default', 'removed')).toBeUndefined();
  }, WAIT);
  expect(followed.operator.healthy()[0]).toMatchObject({ synced: true, error: undefined });
  await vi.waitFor(async () => {
    const path = '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies/written-in-the-outage';
    expect((await plane.api.request('GET', path)).status).toBe(200);
  }, WAIT);
  await queue.stop(1000);
});

/** The longest wait between two tries is 30 s, plus a fifth. */
const WAIT = { timeout: 45_000, interval: 50 };
