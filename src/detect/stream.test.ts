import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NodeStream, type StreamLimits } from './stream.ts';

interface Item {
  timeMs: number;
  id: number;
}

const LIMITS: StreamLimits = { latenessMs: 2000, futureMs: 300_000, maxWaiting: 1000 };
const YEAR = 365 * 24 * 3_600_000;

function streamOf(limits: Partial<StreamLimits> = {}) {
  const given: Item[] = [];
  const stream = new NodeStream<Item>(
    { ...LIMITS, ...limits },
    (a, b) => a.id - b.id,
    (item) => given.push(item),
  );
  const push = (...times: number[]) => times.forEach((timeMs) => stream.push({ timeMs, id: timeMs }));
  return { stream, given, push, ids: () => given.map(({ id }) => id) };
}

test('waits until two seconds of event time have passed', () => {
  const { push, ids } = streamOf();
  push(1000, 2999);
  expect(ids()).toEqual([]);
  push(3000);
  expect(ids()).toEqual([1000]);
});

test('puts in order what comes out of order within that time', () => {
  const { push, ids, stream } = streamOf();
  push(1000, 2500, 1200, 2400, 900, 6000);
  stream.flush();
  expect(ids()).toEqual([900, 1000, 1200, 2400, 2500, 6000]);
  expect(stream.counts).toEqual({ late: 0, future: 0, pushedOut: 0 });
});

test('passes on what comes later than that, counts it, and moves no clock', () => {
  const { push, ids, stream } = streamOf();
  push(1000, 10_000, 3000, 12_001);
  expect(ids()).toEqual([1000, 3000, 10_000]);
  expect(stream.counts.late).toBe(1);
});

test('gives items of one time in an order of their own, whatever the order of arrival', () => {
  const { stream, ids } = streamOf();
  for (const id of [3, 1, 2]) {
    stream.push({ timeMs: 1000, id });
  }
  stream.flush();
  expect(ids()).toEqual([1, 2, 3]);
});

test('gives out the oldest when too many wait', () => {
  const { push, ids, stream } = streamOf({ maxWaiting: 3 });
  push(1000, 1001, 1002, 1003, 1004);
  expect(ids()).toEqual([1000, 1001]);
  expect(stream.counts.pushedOut).toBe(2);
});

describe('a time far ahead', () => {
  test('does not move the clock, and is put to the present when the stream goes on as before', () => {
    const { push, given, stream } = streamOf();
    push(1000, 2000, 2500 + YEAR, 3000, 4000);
    stream.flush();
    expect(given.map(({ timeMs }) => timeMs)).toEqual([1000, 2000, 3000, 3000, 4000]);
    expect(stream.counts).toEqual({ late: 0, future: 1, pushedOut: 0 });
  });

  test('is the present when the stream goes on from there', () => {
    const { push, ids, stream } = streamOf();
    const later = Array.from({ length: 10 }, (_, index) => 3_600_000 + index * 1000);
    push(1000, ...later);
    stream.flush();
    expect(ids()).toEqual([1000, ...later]);
    expect(stream.counts).toEqual({ late: 0, future: 0, pushedOut: 0 });
  });

  test('is believed at the end of the input, where nothing contradicts it', () => {
    const { push, ids, stream } = streamOf();
    push(1000, 3_600_000);
    stream.flush();
    expect(ids()).toEqual([1000, 3_600_000]);
  });

  test('is found out although it comes first', () => {
    const { push, given, stream } = streamOf();
    push(YEAR, 1000, 2000, 3000);
    stream.flush();
    expect(given.map(({ timeMs }) => timeMs)).toEqual([1000, 2000, 2000, 3000]);
    expect(stream.counts.future).toBe(1);
  });

  test('is not believed beside a real jump', () => {
    const { push, given, stream } = streamOf();
    const later = Array.from({ length: 10 }, (_, index) => 3_600_000 + index * 1000);
    push(1000, YEAR, ...later, later.at(-1)! + 500);
    stream.flush();
    expect(given.every(({ timeMs }) => timeMs < 4_000_000)).toBe(true);
    expect(stream.counts.future).toBe(1);
  });

  test('is known for what it is when somebody tells the time', () => {
    const { push, given, stream } = streamOf();
    stream.advance(10_000);
    push(9000, 10_000 + YEAR, 3_600_000);
    stream.flush();
    expect(given.map(({ timeMs }) => timeMs)).toEqual([9000, 10_000, 10_000]);
    expect(stream.counts.future).toBe(2);
  });
});

describe('being told the time', () => {
  test('gives out what waits although nothing more arrives', () => {
    const { push, ids, stream } = streamOf();
    push(1000);
    stream.advance(2999);
    expect(ids()).toEqual([]);
    stream.advance(3000);
    expect(ids()).toEqual([1000]);
  });

  test('accepts a pause of any length at once', () => {
    const { push, ids, stream } = streamOf();
    push(1000);
    stream.advance(3_600_000);
    push(3_600_000);
    stream.advance(3_602_000);
    expect(ids()).toEqual([1000, 3_600_000]);
  });

  test('leaves a node whose clock is behind its two seconds', () => {
    const { push, ids, stream } = streamOf();
    for (let nowMs = 100_000; nowMs <= 400_000; nowMs += 1000) {
      push(nowMs - 10_000);
      stream.advance(nowMs);
    }
    const late = stream.counts.late;
    push(400_000 - 10_000 - 500);
    expect(stream.counts.late).toBe(late);
    expect(ids()).not.toContain(400_000 - 10_000);
  });
});

test('any shuffle within the lateness gives the same order, duplicates and all', () => {
  const jitter = fc.array(fc.tuple(fc.nat(60_000), fc.nat(1999)), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(jitter, (pairs) => {
      // Whoever arrives by time plus jitter is at most the jitter late.
      const arrivals = pairs
        .map(([timeMs, delay], id) => ({ timeMs, id, at: timeMs + delay }))
        .sort((a, b) => a.at - b.at);
      const { stream, given } = streamOf();
      arrivals.forEach(({ timeMs, id }) => stream.push({ timeMs, id }));
      stream.flush();
      const sorted = arrivals.toSorted((a, b) => a.timeMs - b.timeMs || a.id - b.id);
      expect(given.map(({ id }) => id)).toEqual(sorted.map(({ id }) => id));
      expect(stream.counts.late).toBe(0);
    }),
  );
});
