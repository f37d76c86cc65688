/** What a stretched recording may hold: repeats of what was measured, told apart from it, and nothing made up. */
import { describe, expect, test } from 'vitest';
import type { RecordedEvent } from './conversation.ts';
import { stretchRecording } from './stretch.ts';

type Flag = 'SYN' | 'ACK' | 'FIN' | 'RST' | 'PSH';

const POD = '10.244.0.9';
const OUTSIDE = '203.0.113.10';
let sequence = 0;

/** A line of a pod's TCP connection, `second` seconds into the hour, sent by the pod or answered by the outside. */
function tcp(second: number, port: number, flags: Flag[], from: 'pod' | 'outside' = 'pod', verdict = 'FORWARDED') {
  const time = `2026-01-01T00:${String(Math.floor(second / 60)).padStart(2, '0')}:${String(second % 60).padStart(2, '0')}.123456789Z`;
  const [source, destination] = from === 'pod' ? [POD, OUTSIDE] : [OUTSIDE, POD];
  const [source_port, destination_port] = from === 'pod' ? [port, 22] : [22, port];
  const flow = {
    time,
    uuid: `00000000-0000-4000-8000-${String(sequence++).padStart(12, '0')}`,
    verdict,
    IP: { source, destination },
    l4: { TCP: { source_port, destination_port, flags: Object.fromEntries(flags.map((flag) => [flag, true])) } },
    Summary: 'carried along',
  };
  return JSON.stringify({ flow, node_name: 'worker-1', time });
}

/** Window from 60 s to 120 s. */
function stretch(lines: string[], times = 1, peers?: string[]) {
  const options = {
    fromMs: Date.parse('2026-01-01T00:01:00Z'),
    toMs: Date.parse('2026-01-01T00:02:00Z'),
    times,
    peers: peers && new Set(peers),
  };
  const result = stretchRecording(lines, options);
  const events = result.lines.map((line) => JSON.parse(line) as RecordedEvent);
  return { ...result, tail: events.slice(result.report.measuredEvents) };
}

const held = () => [tcp(0, 40_000, ['SYN']), tcp(70, 40_000, ['ACK', 'PSH']), tcp(71, 40_000, ['ACK'], 'outside')];

describe('a connection held through the window', () => {
  test('goes on with the same ports, one window later', () => {
    const { tail } = stretch(held());
    expect(tail.map((event) => [event.time, event.flow?.time, event.flow?.l4?.TCP?.source_port])).toEqual([
      ['2026-01-01T00:02:10.123456789Z', '2026-01-01T00:02:10.123456789Z', 40_000],
      ['2026-01-01T00:02:11.123456789Z', '2026-01-01T00:02:11.123456789Z', 22],
    ]);
  });

  test('keeps its cadence over several rounds', () => {
    const { tail } = stretch(held(), 3);
    const sent = tail.filter((event) => event.flow?.IP?.source === POD).map((event) => Date.parse(event.time));
    expect(sent.map((time, index) => time - (sent[index - 1] ?? time))).toEqual([0, 60_000, 60_000]);
  });
});

describe('a connection that begins and ends in the window', () => {
  const whole = () => [tcp(80, 41_000, ['SYN']), tcp(81, 41_000, ['SYN', 'ACK'], 'outside'), tcp(90, 41_000, ['FIN'])];

  test('comes again from one other port, in both directions', () => {
    const { tail } = stretch(whole());
    const ports = tail.map((event) =>
      event.flow?.IP?.source === POD ? event.flow.l4?.TCP?.source_port : event.flow?.l4?.TCP?.destination_port,
    );
    expect(new Set(ports).size).toBe(1);
    expect(ports[0]).not.toBe(41_000);
    expect(ports[0]).toBeGreaterThanOrEqual(32_768);
    expect(tail.map((event) => event.flow?.l4?.TCP?.destination_port).filter((port) => port === 22)).toHaveLength(2);
  });

  test('takes another port in every round', () => {
    const { tail } = stretch(whole(), 20);
    const ports = tail.filter((event) => event.flow?.IP?.source === POD).map((e) => e.flow?.l4?.TCP?.source_port);
    expect(new Set(ports).size).toBe(20);
  });
});

test.each([
  ['began before the window and ends in it', [tcp(0, 42_000, ['SYN']), tcp(70, 42_000, ['FIN'])]],
  ['begins in the window and does not end', [tcp(70, 42_000, ['SYN']), tcp(71, 42_000, ['SYN', 'ACK'], 'outside')]],
])('a connection that %s is left out of the repeats', (_name, lines) => {
  const { tail, report } = stretch([...held(), ...lines]);
  expect(tail.some((event) => event.flow?.l4?.TCP?.source_port === 42_000)).toBe(false);
  expect(report.conversations).toEqual({ held: 1, repeated: 0, leftOut: 1 });
});

test('a refused attempt is repeated from another port', () => {
  const { tail } = stretch([tcp(70, 43_000, ['SYN'], 'pod', 'DROPPED')]);
  expect(tail).toHaveLength(1);
  expect(tail[0]?.flow?.l4?.TCP?.source_port).not.toBe(43_000);
});

test('what was measured stays byte for byte, and what came after the window is gone', () => {
  const lines = held();
  const { lines: out, report } = stretch([...lines, tcp(130, 40_000, ['ACK'])]);
  expect(out.slice(0, report.measuredEvents)).toEqual(lines);
  expect(report).toMatchObject({ measuredEvents: 3, stretchedEvents: 2, measuredUntil: '2026-01-01T00:02:00.000Z' });
});

test('repeats carry new uuids of version 8 and every other field', () => {
  const { lines, tail } = stretch(held(), 4);
  const uuids = lines.map((line) => (JSON.parse(line) as RecordedEvent).flow?.uuid);
  expect(new Set(uuids).size).toBe(lines.length);
  for (const event of tail) {
    expect(event.flow?.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(event.flow).toHaveProperty('Summary', 'carried along');
  }
});

test('the same input gives the same bytes', () => {
  const lines = [...held(), tcp(80, 41_000, ['SYN']), tcp(90, 41_000, ['FIN'])];
  expect(stretch(lines, 5).lines).toEqual(stretch(lines, 5).lines);
});

test('only the named peers are repeated', () => {
  expect(stretch(held(), 1, [OUTSIDE]).tail).toHaveLength(2);
  expect(() => stretch(held(), 1, ['203.0.113.99'])).toThrow('no flow in the window');
});

test('a shift across a second keeps the nanoseconds', () => {
  const result = stretchRecording(held(), {
    fromMs: Date.parse('2026-01-01T00:01:00Z'),
    toMs: Date.parse('2026-01-01T00:01:59.900Z'),
    times: 1,
    peers: undefined,
  });
  const last = JSON.parse(result.lines.at(-1) ?? '') as RecordedEvent;
  expect(last.time).toBe('2026-01-01T00:02:11.023456789Z');
});
