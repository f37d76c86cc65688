/** Events that the real API server takes, from the recorder that never waits. */
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import type { KubeObject } from '../../src/api/v1alpha1/types.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { type Clock, systemClock } from '../../src/kube/clock.ts';
import { EventRecorder } from '../../src/kube/events.ts';
import { loadKubeConfig } from '../../src/kube/kube-config.ts';
import { RESOURCES } from '../../src/kube/resources.ts';
import { Transport } from '../../src/kube/transport.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { useCluster } from '../support/cluster.ts';

const cluster = useCluster();
let client: KubeClient;
let namespace: string;
beforeAll(async () => {
  namespace = await cluster.namespace();
  const transport = new Transport(loadKubeConfig({ path: cluster.kubeconfigPath }).config);
  client = new KubeClient({ transport, fieldManager: 'bulkhead' });
});
afterAll(() => client.close());

/** A hundred times as fast, so that the 30 s between two updates of a count pass in 0.3 s. */
const fastClock: Clock = { ...systemClock, after: (delayMs, call) => systemClock.after(delayMs / 100, call) };

function makeRecorder() {
  let dropped = 0;
  const recorder = new EventRecorder({
    client,
    clock: fastClock,
    log: silentLogger,
    instance: 'bulkhead-0',
    onDropped: () => {
      dropped += 1;
    },
  });
  onTestFinished(() => recorder.stop(60_000));
  return { recorder, dropped: () => dropped };
}

const about = (name: string) => ({
  apiVersion: 'bulkhead.dev/v1alpha1',
  kind: 'AgentSandbox',
  namespace,
  name,
  uid: `uid-${name}`,
});

type Event = KubeObject & { note: string; series?: { count: number }; regarding: { name: string } };
const eventsOf = async (name: string) =>
  (await client.list<Event>(RESOURCES.events, { namespace })).filter(({ regarding }) => regarding.name === name);

it('an Event says what, about what, by whom, and kubectl shows it', async () => {
  const { recorder } = makeRecorder();
  recorder.record(about('shown'), {
    type: 'Warning',
    reason: 'NameConflict',
    message: 'NetworkPolicy a/b is not ours',
  });
  await vi.waitFor(async () => expect(await eventsOf('shown')).toHaveLength(1), WAIT);
  const [event] = await eventsOf('shown');
  expect(event).toMatchObject({
    type: 'Warning',
    reason: 'NameConflict',
    note: 'NetworkPolicy a/b is not ours',
    reportingController: 'bulkhead.dev/operator',
    reportingInstance: 'bulkhead-0',
    regarding: about('shown'),
  });
  const { stdout } = await cluster.kubectl(['-n', namespace, 'events', '--for=agentsandbox/shown', '--no-headers']);
  expect(stdout).toMatch(/Warning\s+NameConflict\s+AgentSandbox\/shown\s+NetworkPolicy a\/b is not ours/);
});

it('repeats raise a count and make no further Event', async () => {
  const { recorder, dropped } = makeRecorder();
  for (let time = 0; time < 40; time += 1) {
    recorder.record(about('repeated'), { type: 'Normal', reason: 'Applied', message: 'same' });
  }
  await vi.waitFor(async () => expect((await eventsOf('repeated'))[0]?.series?.count).toBe(40), WAIT);
  expect(await eventsOf('repeated')).toHaveLength(1);
  expect(dropped()).toBe(0);
});

it('an object that changes its mind all the time is cut short', async () => {
  const { recorder, dropped } = makeRecorder();
  for (let time = 0; time < 40; time += 1) {
    recorder.record(about('noisy'), { type: 'Normal', reason: 'Applied', message: `number ${time}` });
  }
  await vi.waitFor(async () => expect(await eventsOf('noisy')).toHaveLength(25), WAIT);
  expect(dropped()).toBe(15);
});

it('long text of many bytes is cut to what the API server takes', async () => {
  const { recorder } = makeRecorder();
  const name = `${'x'.repeat(199)}-${'y'.repeat(53)}`;
  recorder.record(about(name), { type: 'Normal', reason: 'Applied', message: '€'.repeat(2000) });
  await vi.waitFor(async () => expect(await eventsOf(name)).toHaveLength(1), WAIT);
  const [event] = await eventsOf(name);
  expect(Buffer.byteLength(event!.note)).toBeLessThanOrEqual(1024);
  expect(event!.note).toMatch(/^€{300,}/);
});

it('an Event that the API server refuses is dropped and counted, and the next goes through', async () => {
  const { recorder, dropped } = makeRecorder();
  recorder.record(about('refused'), { type: 'Normal', reason: '', message: 'no reason' });
  recorder.record(about('refused'), { type: 'Normal', reason: 'Applied', message: 'with a reason' });
  await vi.waitFor(async () => expect(await eventsOf('refused')).toHaveLength(1), WAIT);
  expect(dropped()).toBe(1);
});

const WAIT = { timeout: 20_000, interval: 20 };
