/** Leader election on a real Lease: times in the form the API server takes, and one leader at a time. */
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { KubeClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { loadKubeConfig } from '../../src/kube/kube-config.ts';
import { LeaderElection } from '../../src/kube/lease.ts';
import { Transport } from '../../src/kube/transport.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { useCluster } from '../support/cluster.ts';

const cluster = useCluster();
let client: KubeClient;
beforeAll(() => {
  const transport = new Transport(loadKubeConfig({ path: cluster.kubeconfigPath }).config);
  client = new KubeClient({ transport, fieldManager: 'bulkhead' });
});
afterAll(() => client.close());

async function candidate(identity: string) {
  const events: string[] = [];
  const election = new LeaderElection({
    client,
    clock: systemClock,
    log: silentLogger,
    namespace: await cluster.namespace(),
    name: 'operator',
    identity,
    onStarted: () => events.push('started'),
    onLost: () => events.push('lost'),
    leaseDurationMs: 3000,
    renewDeadlineMs: 2000,
    retryPeriodMs: 200,
  });
  onTestFinished(() => election.stop());
  return { election, events };
}

it('of three candidates one leads; when it stops another does; when that is ousted it says so', async () => {
  const candidates = await Promise.all(['a', 'b', 'c'].map(candidate));
  const leaders = () => candidates.filter(({ election }) => election.isLeader);
  for (const { election } of candidates) election.start();
  await vi.waitFor(() => expect(leaders()).toHaveLength(1), WAIT);
  const [first] = leaders();
  await first!.election.stop();
  await vi.waitFor(() => expect(leaders()).toHaveLength(1), WAIT);
  const [second] = leaders();
  expect(second).not.toBe(first);
  expect(first!.events).toEqual(['started']);

  const path = `/apis/coordination.k8s.io/v1/namespaces/${await cluster.namespace()}/leases/operator`;
  const contentType = 'application/merge-patch+json';
  const usurper = { spec: { holderIdentity: 'd', leaseDurationSeconds: 60 } };
  await cluster.api.call('PATCH', path, { body: usurper, contentType });
  await vi.waitFor(() => expect(second!.events).toEqual(['started', 'lost']), WAIT);
  expect(leaders()).toEqual([]);
  expect((await cluster.api.call('GET', path))['spec']).toMatchObject({
    holderIdentity: 'd',
    // From the first to the second; the usurper did not count its own.
    leaseTransitions: 1,
    renewTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
  });
});

const WAIT = { timeout: 20_000, interval: 20 };
