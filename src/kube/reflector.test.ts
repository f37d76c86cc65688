import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ApiError } from '../api/errors.ts';
import type { KubeObject } from '../api/v1alpha1/types.ts';
import { silentLogger } from '../telemetry/log.ts';
import type { KubeClient } from './client.ts';
import type { ListPage, WatchEvent, WatchOptions } from './client-options.ts';
import { systemClock } from './clock.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';
import { RESOURCES } from './resources.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const pod = (name: string, version: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'a', name, resourceVersion: String(version) },
});

type Step<T> = T | Error;
/** What a watch does: events, silence of so many milliseconds, an error, or (`hang`) nothing more until it is aborted. */
type WatchScript = (WatchEvent | number | Error | 'hang')[];

/** A server that does what the test says: one entry a list, with its pages, and one a watch. The last watch hangs. */
function makeServer(lists: Step<ListPage<KubeObject>>[][], watches: WatchScript[] = []) {
  const asked: string[] = [];
  const options: WatchOptions[] = [];
  const client = {
    async *pages() {
      asked.push('list');
      for (const page of lists.shift() ?? []) {
        if (page instanceof Error) throw page;
        yield page;
      }
    },
    async *watch(_resource: unknown, watchOptions: WatchOptions) {
      asked.push(`watch ${watchOptions.resourceVersion}`);
      options.push(watchOptions);
      for (const step of watches.shift() ?? ['hang' as const]) {
        if (step === 'hang') {
          await new Promise((_resolve, reject) => watchOptions.signal.addEventListener('abort', reject));
        } else if (typeof step === 'number') {
          await new Promise((resolve) => setTimeout(resolve, step));
        } else if (step instanceof Error) {
          throw step;
        } else {
          yield step;
        }
      }
    },
  };
  return { client: client as unknown as KubeClient, asked, options };
}

function follow(server: ReturnType<typeof makeServer>, options: Partial<ReflectorOptions> = {}) {
  const told: string[] = [];
  const reflector = new Reflector({
    client: server.client,
    resource: RESOURCES.pods,
    clock: { ...systemClock, random: () => 0.5 },
    log: silentLogger,
    onEvent: ({ type, object }) => {
      told.push(`${type} ${object.metadata.name}`);
    },
    ...options,
  });
  onTestFinished(() => reflector.stop());
  reflector.start();
  return { reflector, told };
}

const page = (version: number, ...names: string[]): ListPage<KubeObject> => ({
  resourceVersion: String(version),
  items: names.map((name) => pod(name, version)),
});
const event = (type: WatchEvent['type'], name: string, version: number): WatchEvent => ({
  type,
  object: pod(name, version),
});
const expired = () => new ApiError(410, 'Expired', 'too old');
const reset = () => new ApiError(0, 'ConnectionFailed', 'reset');
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('a list', () => {
  it('of several pages is one list', async () => {
    const server = makeServer([[page(5, 'x', 'y'), page(5, 'z')]]);
    const { told, reflector } = follow(server);
    await pass(0);
    expect(told).toEqual(['ADDED x', 'ADDED y', 'ADDED z']);
    expect(reflector.state()).toMatchObject({ synced: true, error: undefined });
    expect(server.asked).toEqual(['list', 'watch 5']);
  });

  it('whose version was forgotten between two pages begins anew, and deletes nothing meanwhile', async () => {
    const server = makeServer([[page(5, 'x', 'y'), expired()], [page(9, 'x')]]);
    const { told, reflector } = follow(server);
    await pass(0);
    expect(reflector.state()).toMatchObject({ synced: false, error: 'too old' });
    await pass(200);
    expect(told).toEqual(['ADDED x', 'ADDED y', 'MODIFIED x', 'DELETED y']);
    expect(server.asked).toEqual(['list', 'list', 'watch 9']);
  });

  it('is repeated when it is old, although nothing failed, and makes good what was missed', async () => {
    const server = makeServer([[page(5, 'x', 'y')], [page(9, 'y')]], [[700_000]]);
    const { told } = follow(server, { relistMs: 600_000 });
    await pass(700_001);
    expect(server.asked).toEqual(['list', 'watch 5', 'list', 'watch 9']);
    expect(told).toEqual(['ADDED x', 'ADDED y', 'MODIFIED y', 'DELETED x']);
  });
});

describe('a watch', () => {
  it('goes on from the last event or bookmark', async () => {
    const script: WatchScript = [event('ADDED', 'x', 6), event('BOOKMARK', '', 8), reset()];
    const server = makeServer([[page(5)]], [script]);
    const { told } = follow(server);
    await pass(200);
    expect(server.asked).toEqual(['list', 'watch 5', 'watch 8']);
    expect(told).toEqual(['ADDED x']);
  });

  it('is ended by the server after five to ten minutes, and counts as dead after 75 s of silence', async () => {
    const server = makeServer([[page(5)]]);
    follow(server);
    await pass(0);
    expect(server.options[0]).toMatchObject({ timeoutSeconds: 450, idleTimeoutMs: 75_000 });
  });

  it('that fails again and again is tried after 0.2, 1, 5 and 30 seconds', async () => {
    const server = makeServer([[page(5)]], [[reset()], [reset()], [reset()], [reset()], [reset()]]);
    follow(server);
    const counts: number[] = [];
    for (const ms of [0, 200, 1000, 5000, 30_000]) {
      await pass(ms);
      counts.push(server.asked.length - 1);
    }
    expect(counts).toEqual([1, 2, 3, 4, 5]);
  });

  it('that was quiet and sound for a while is tried soon after it breaks', async () => {
    const server = makeServer([[page(5)]], [[reset()], [reset()], [60_000, reset()]]);
    follow(server);
    await pass(200 + 1000);
    expect(server.asked).toHaveLength(4);
    await pass(60_000 + 200);
    expect(server.asked).toHaveLength(5);
  });

  it('that somebody hangs up at once is not hammered', async () => {
    const server = makeServer([[page(5)]], [[], [], [], []]);
    follow(server);
    await pass(0);
    expect(server.asked).toEqual(['list', 'watch 5']);
    await pass(199);
    expect(server.asked).toHaveLength(2);
    await pass(1 + 1000);
    expect(server.asked).toHaveLength(4);
  });

  it('that is refused with a wait is tried no sooner', async () => {
    const busy = new ApiError(429, 'TooManyRequests', 'busy', { retryAfterMs: 10_000 });
    const server = makeServer([[page(5)]], [[busy]]);
    follow(server);
    await pass(9999);
    expect(server.asked).toEqual(['list', 'watch 5']);
    await pass(1001);
    expect(server.asked).toEqual(['list', 'watch 5', 'watch 5']);
  });

  it('that always says 410 is tried more and more slowly', async () => {
    const server = makeServer(
      [[page(5)], [page(6)], [page(7)], [page(8)]],
      [[expired()], [expired()], [expired()], [expired()]],
    );
    follow(server);
    await pass(1500);
    expect(server.asked).toEqual(['list', 'watch 5', 'list', 'watch 6', 'list', 'watch 7']);
  });
});

describe('handlers', () => {
  it('that throw or reject harm nobody', async () => {
    const logged: unknown[] = [];
    const log = {
      ...silentLogger,
      error: (_message: string, fields: unknown) => void logged.push(fields),
      with: () => log,
    };
    const server = makeServer([[page(5, 'throws', 'rejects', 'fine')]]);
    const handled: string[] = [];
    follow(server, {
      log,
      onEvent: ({ object: { metadata } }) => {
        if (metadata.name === 'throws') throw new Error('one');
        if (metadata.name === 'rejects') return Promise.reject(new Error('two'));
        handled.push(metadata.name);
        return undefined;
      },
    });
    await pass(0);
    expect(handled).toEqual(['fine']);
    expect(logged).toEqual([
      { object: 'a/throws', error: new Error('one') },
      { object: 'a/rejects', error: new Error('two') },
    ]);
  });
});

describe('stopping', () => {
  it('ends a watch that hangs', async () => {
    const server = makeServer([[page(5)]]);
    const { reflector } = follow(server);
    await pass(0);
    await reflector.stop();
    expect(server.options[0]?.signal.aborted).toBe(true);
    await pass(120_000);
    expect(server.asked).toEqual(['list', 'watch 5']);
  });

  it('ends a wait', async () => {
    const server = makeServer([[reset()]]);
    const { reflector } = follow(server);
    await pass(0);
    await reflector.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});

it('an object that we made and that vanished before it was ever seen is told as gone', async () => {
  const server = makeServer([[page(5)], [page(9)]], [[expired()]]);
  const { reflector, told } = follow(server);
  await pass(0);
  reflector.expect(pod('ours', 6));
  await pass(200);
  expect(told).toEqual(['DELETED ours']);
});
