/** The rig's Hubble: what is fed is what Hubble holds, at the times and on the nodes asked for. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { flowLine } from '../../src/flows/sources/source.conformance.ts';
import { useHubble } from '../support/hubble.ts';

const use = useHubble();

it.each([
  ['flows.jsonl', (text: string) => text],
  ['flows.jsonl.gz', (text: string) => gzipSync(text)],
])('feeds the file %s, then what is written', async (name, pack) => {
  const input = join(use.folder(), name);
  writeFileSync(input, pack(`${flowLine(1)}\n${flowLine(2)}\n`));
  const hubble = await use.start({ input });
  await hubble.nodes[0]?.fed();
  await hubble.write([flowLine(3)]);
  const reading = use.read(`unix://${hubble.socketPath}`, { sinceMs: 0 });
  await reading.until(() => reading.numbers().includes(3));
  expect(reading.numbers()).toEqual([1, 2, 3]);
});

it('moves recorded times to now and keeps their distances', async () => {
  const hubble = await use.start({ rebaseTime: true });
  const before = Date.now();
  await hubble.write([flowLine(1), flowLine(501)]);
  const after = Date.now() + 1; // flows have microseconds
  const reading = use.read(`unix://${hubble.socketPath}`, { sinceMs: 0 });
  await reading.until(() => reading.numbers().includes(501));
  const [first = 0, second = 0] = reading.events.flatMap((event) => (event.kind === 'flow' ? [event.flow.timeMs] : []));
  expect(first).toBeGreaterThanOrEqual(before);
  expect(first).toBeLessThanOrEqual(after);
  expect(second - first).toBeCloseTo(500, 3);
});

it('shows what is due by recorded time, and not what is due in an hour', async () => {
  const hubble = await use.start({ rebaseTime: true, speed: 1 });
  const reading = use.read(`unix://${hubble.socketPath}`, { sinceMs: 0 });
  const written = hubble.write([flowLine(1), flowLine(2), flowLine(3_600_002)]);
  written.catch(() => undefined); // the end of the test ends it
  await reading.until(() => reading.numbers().includes(2));
  expect(reading.numbers()).toEqual([1, 2]);
});

it('feeds each node by itself', async () => {
  const hubble = await use.start({ nodes: ['kind/a', 'kind/b'] });
  await hubble.nodes[0]?.write([flowLine(1)]);
  await hubble.nodes[1]?.write([flowLine(2)]);
  for (const [index, number] of [1, 2].entries()) {
    const reading = use.read(`unix://${hubble.nodes[index]?.socketPath}`, { sinceMs: 0 });
    await reading.until(() => reading.numbers().length === 1);
    expect(reading.numbers()).toEqual([number]);
  }
});

it.each([
  ['nonsense', 'nonsense', /The Hubble feeder: .*nonsense/],
  ['a line without an event', '{"node_name":"a"}', /neither a flow nor lost events/],
  [
    'what only the ring itself can say',
    '{"lost_events":{"source":"HUBBLE_RING_BUFFER"},"time":"2026-11-21T20:00:00Z"}',
    /the ring makes HUBBLE_RING_BUFFER events itself/,
  ],
])('complains about %s', async (_, line, message) => {
  const hubble = await use.start();
  await expect(hubble.write([line])).rejects.toThrow(message);
});

it('says why it did not start', async () => {
  await expect(use.start({ ring: 100 })).rejects.toThrow(/must be one less than an integer power of two: 100/);
});
