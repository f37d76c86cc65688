import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../api/errors.ts';
import { silentLogger } from '../telemetry/log.ts';
import type { WriteOptions } from './client-options.ts';
import { systemClock } from './clock.ts';
import { EventRecorder } from './events.ts';
import { createReporter } from './reporter.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const about = (name: string) => ({ apiVersion: 'bulkhead.dev/v1alpha1', kind: 'AgentSandbox', namespace: 'a', name });
const saying = { type: 'Normal', reason: 'Applied', message: 'done' } as const;

function makeRecorder(create: (options?: WriteOptions) => Promise<unknown>) {
  const counts = { created: 0, dropped: 0 };
  const recorder = new EventRecorder({
    client: {
      create: async <T>(_resource: unknown, object: T, options?: WriteOptions) => {
        await create(options);
        counts.created += 1;
        return object;
      },
      patch: () => Promise.reject(new Error('not expected')),
    },
    clock: systemClock,
    log: silentLogger,
    instance: 'bulkhead-0',
    onDropped: () => {
      counts.dropped += 1;
    },
  });
  return { recorder, counts };
}

const untilAborted = (options?: WriteOptions) =>
  new Promise((_resolve, reject) => options?.signal?.addEventListener('abort', () => reject(new Error('aborted'))));

describe('the recorder of Events', () => {
  it('tries again what may pass, and drops what does not', async () => {
    const outcomes = [new ApiError(503, 'ServiceUnavailable', 'busy'), undefined, new ApiError(422, 'Invalid', 'no')];
    const { recorder, counts } = makeRecorder(async () => {
      const error = outcomes.shift();
      if (error !== undefined) throw error;
    });
    recorder.record(about('x'), saying);
    recorder.record(about('y'), saying);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(counts).toEqual({ created: 1, dropped: 1 });
  });

  it('keeps no more than 256 for a server that does not answer', async () => {
    const { recorder, counts } = makeRecorder(untilAborted);
    for (let n = 0; n < 1000; n += 1) recorder.record(about(`x${n}`), saying);
    await vi.advanceTimersByTimeAsync(0);
    expect(counts.dropped).toBeGreaterThanOrEqual(1000 - 256 - 1);
    const stopped = recorder.stop(3000);
    await vi.advanceTimersByTimeAsync(3000);
    await stopped;
    expect(counts).toEqual({ created: 0, dropped: 1000 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('writes nothing after it was stopped', async () => {
    const { recorder, counts } = makeRecorder(async () => {});
    await recorder.stop(1000);
    recorder.record(about('x'), saying);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(counts).toEqual({ created: 0, dropped: 1 });
  });

  it('makes a new Event when the last of its kind is long ago', async () => {
    const { recorder, counts } = makeRecorder(async () => {});
    recorder.record(about('x'), saying);
    await vi.advanceTimersByTimeAsync(360_000);
    recorder.record(about('x'), saying);
    await vi.advanceTimersByTimeAsync(0);
    expect(counts.created).toBe(2);
  });
});

it('one report is a log line, an Event and a count', () => {
  const heard: unknown[] = [];
  const log = { ...silentLogger, warn: (message: string, fields?: object) => void heard.push([message, fields]) };
  const reporter = createReporter({
    log,
    recorder: { record: (...event) => void heard.push(event) },
    count: (...labels) => void heard.push(labels),
  });
  const event = { type: 'Warning', reason: 'NameConflict', message: 'not ours' } as const;
  reporter.report(about('x'), event);
  expect(heard).toEqual([
    ['reported', { kind: 'AgentSandbox', namespace: 'a', name: 'x', reason: 'NameConflict', detail: 'not ours' }],
    [about('x'), event],
    ['Warning', 'NameConflict'],
  ]);
});
