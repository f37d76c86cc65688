import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, TerminalError, TransientError } from '../api/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { silentLogger } from '../telemetry/log.ts';
import { systemClock } from './clock.ts';
import { type QueueObserver, WorkQueue, type WorkQueueOptions } from './work-queue.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A queue whose passes are recorded with the time they began, without jitter. */
function makeQueue(handle: (key: string) => unknown = () => {}, options: Partial<WorkQueueOptions> = {}) {
  const passes: { key: string; atMs: number }[] = [];
  const queue = new WorkQueue({
    name: 'sandbox',
    workers: 2,
    clock: { ...systemClock, random: () => 0 },
    log: silentLogger,
    ...options,
    handle: async (key, signal) => {
      passes.push({ key, atMs: Date.now() - startedMs });
      return (await (options.handle ?? handle)(key, signal)) as undefined;
    },
  });
  const startedMs = Date.now();
  return { queue, passes, keys: () => passes.map(({ key }) => key) };
}

/** A handler that ends when the test says so. */
function gate() {
  const open: (() => void)[] = [];
  return {
    handle: () => new Promise<undefined>((resolve) => open.push(() => resolve(undefined))),
    running: () => open.length,
    finishAll: async () => {
      for (const finish of open.splice(0)) finish();
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

describe('keys', () => {
  it('that are added many times while they wait are one pass', async () => {
    const { queue, keys } = makeQueue();
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    queue.start();
    await vi.runAllTimersAsync();
    expect(keys()).toEqual(['a', 'b']);
  });

  it('that change while they are worked on get one more pass, never two at once', async () => {
    const work = gate();
    const { queue, keys } = makeQueue(work.handle);
    queue.start();
    for (const key of ['a', 'a', 'a']) queue.add(key);
    expect(work.running()).toBe(1);
    await work.finishAll();
    expect(keys()).toEqual(['a', 'a']);
    await work.finishAll();
    expect(keys()).toEqual(['a', 'a']);
  });

  it('are worked on in parallel up to the number of workers', async () => {
    const work = gate();
    const { queue, keys } = makeQueue(work.handle);
    queue.start();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    expect(keys()).toEqual(['a', 'b']);
    expect(queue.depth).toBe(1);
    await work.finishAll();
    expect(keys()).toEqual(['a', 'b', 'c']);
  });

  it('wait for the start', async () => {
    const { queue, keys } = makeQueue();
    queue.add('a');
    await vi.runAllTimersAsync();
    expect(keys()).toEqual([]);
  });
});

describe('a delay', () => {
  it('puts a pass off', async () => {
    const { queue, passes } = makeQueue();
    queue.start();
    queue.addAfter('a', 1000);
    await vi.advanceTimersByTimeAsync(999);
    expect(passes).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(passes).toEqual([{ key: 'a', atMs: 1000 }]);
  });

  it('is cut short by a change, and then gone', async () => {
    const { queue, passes } = makeQueue();
    queue.start();
    queue.addAfter('a', 1000);
    queue.add('a');
    await vi.runAllTimersAsync();
    expect(passes).toEqual([{ key: 'a', atMs: 0 }]);
  });

  it('that is sooner wins, in either order', async () => {
    const { queue, passes } = makeQueue();
    queue.start();
    queue.addAfter('a', 1000);
    queue.addAfter('a', 300);
    queue.addAfter('b', 400);
    queue.addAfter('b', 2000);
    await vi.runAllTimersAsync();
    expect(passes).toEqual([
      { key: 'a', atMs: 300 },
      { key: 'b', atMs: 400 },
    ]);
  });

  it('of weeks does not become a busy loop', async () => {
    const { queue, passes } = makeQueue();
    queue.start();
    queue.addAfter('a', 60 * 24 * 3_600_000);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(passes).toEqual([]);
  });

  it('asked for by the handler brings the key back', async () => {
    const { queue, passes } = makeQueue(() => (passes.length === 1 ? { requeueAfterMs: 700 } : undefined));
    queue.start();
    queue.add('a');
    await vi.runAllTimersAsync();
    expect(passes.map(({ atMs }) => atMs)).toEqual([0, 700]);
  });
});

describe('a failure', () => {
  const failing = (error: unknown, times: number) => {
    let left = times;
    return () => {
      left -= 1;
      if (left >= 0) throw error;
    };
  };

  it('is tried again after 50 ms, doubling', async () => {
    const { queue, passes } = makeQueue(failing(new TransientError('Conflict', 'changed'), 4));
    queue.start();
    queue.add('a');
    await vi.runAllTimersAsync();
    expect(passes.map(({ atMs }) => atMs)).toEqual([0, 50, 150, 350, 750]);
  });

  it('that never ends is tried every five minutes at last', async () => {
    const { queue, passes } = makeQueue(failing(new Error('bug'), 100));
    queue.start();
    queue.add('a');
    await vi.advanceTimersByTimeAsync(3 * 3_600_000);
    const [before, last] = passes.slice(-2);
    expect((last?.atMs ?? 0) - (before?.atMs ?? 0)).toBe(300_000);
  });

  it('starts anew after a success', async () => {
    const outcomes = [new Error('one'), new Error('two'), undefined, new Error('three'), undefined];
    const { queue, passes } = makeQueue(() => {
      const error = outcomes[passes.length - 1];
      if (error !== undefined) throw error;
    });
    queue.start();
    queue.add('a');
    await vi.advanceTimersByTimeAsync(1000);
    queue.add('a');
    await vi.runAllTimersAsync();
    expect(passes.map(({ atMs }) => atMs)).toEqual([0, 50, 150, 1000, 1050]);
  });

  it('with a wait of its own waits at least that long', async () => {
    const { queue, passes } = makeQueue(
      failing(new ApiError(429, 'TooManyRequests', 'busy', { retryAfterMs: 2000 }), 1),
    );
    queue.start();
    queue.add('a');
    await vi.runAllTimersAsync();
    expect(passes.map(({ atMs }) => atMs)).toEqual([0, 2000]);
  });

  it('that only a change can mend waits for the change', async () => {
    const { queue, passes } = makeQueue(failing(new TerminalError('NameConflict', 'taken'), 1));
    queue.start();
    queue.add('a');
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(passes).toHaveLength(1);
    queue.add('a');
    await vi.runAllTimersAsync();
    expect(passes).toHaveLength(2);
  });

  it('of one key does not hold up another', async () => {
    const { queue, keys } = makeQueue((key) => {
      if (key === 'a') throw new Error('bug');
    });
    queue.start();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await vi.advanceTimersByTimeAsync(0);
    expect(keys()).toEqual(['a', 'b', 'c']);
  });

  it('that nobody foresaw is logged as an error, others as a warning', async () => {
    const lines: [string, string, unknown][] = [];
    const log: Logger = {
      ...silentLogger,
      warn: (message, fields) => void lines.push(['warn', message, fields?.['code']]),
      error: (message, fields) => void lines.push(['error', message, fields?.['code']]),
      with: () => log,
    };
    const errors: Record<string, Error> = {
      a: new TypeError('x is undefined'),
      b: new TerminalError('NameConflict', 'taken'),
      c: new TransientError('Conflict', 'changed'),
    };
    const { queue } = makeQueue(
      (key) => {
        throw errors[key];
      },
      { log },
    );
    queue.start();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await vi.advanceTimersByTimeAsync(1);
    expect(lines).toEqual([
      ['error', 'pass failed unexpectedly', 'InternalError'],
      ['warn', 'pass waits for a change', 'NameConflict'],
      ['warn', 'pass will be tried again', 'Conflict'],
    ]);
  });
});

describe('stopping', () => {
  it('works off what waits and forgets what is delayed', async () => {
    const work = gate();
    const { queue, keys } = makeQueue(work.handle, { workers: 1 });
    queue.start();
    for (const key of ['a', 'b']) queue.add(key);
    queue.addAfter('c', 100);
    const stopped = queue.stop(10_000);
    queue.add('d');
    await work.finishAll();
    await work.finishAll();
    await expect(stopped).resolves.toBe(true);
    expect(keys()).toEqual(['a', 'b']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tells a pass that takes too long to abort', async () => {
    let aborted = false;
    const handle: WorkQueueOptions['handle'] = (_key, signal) =>
      new Promise(() => signal.addEventListener('abort', () => (aborted = true)));
    const { queue } = makeQueue(undefined, { handle });
    queue.start();
    queue.add('a');
    const stopped = queue.stop(5000);
    await vi.advanceTimersByTimeAsync(5000);
    await expect(stopped).resolves.toBe(false);
    expect(aborted).toBe(true);
  });

  it('before the start ends at once', async () => {
    const { queue, keys } = makeQueue();
    queue.add('a');
    await expect(queue.stop(1000)).resolves.toBe(true);
    expect(keys()).toEqual([]);
  });
});

it('observers hear of depth, waiting, results and retries', async () => {
  const heard: unknown[] = [];
  const observe: QueueObserver = {
    added: (depth) => heard.push(['added', depth]),
    started: (depth, seconds) => heard.push(['started', depth, seconds]),
    finished: (result, seconds, error) => heard.push(['finished', result, seconds, error]),
    retried: () => heard.push(['retried']),
  };
  const work = gate();
  const { queue, passes } = makeQueue(
    async () => {
      await work.handle();
      if (passes.length === 1) throw new TransientError('Conflict', 'changed');
    },
    { observe },
  );
  queue.add('a');
  await vi.advanceTimersByTimeAsync(2000);
  queue.start();
  await vi.advanceTimersByTimeAsync(500);
  expect(queue.runningForMs()).toEqual([500]);
  await work.finishAll();
  await vi.advanceTimersByTimeAsync(50);
  await work.finishAll();
  expect(heard).toEqual([
    ['added', 1],
    ['started', 0, 2],
    ['retried'],
    ['finished', 'error', 0.5, 'transient'],
    ['added', 1],
    ['started', 0, 0],
    ['finished', 'success', 0, undefined],
  ]);
});
