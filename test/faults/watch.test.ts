/**
 * What an operator must survive while it follows objects, on the real API server: every row makes one fault and changes
 * objects behind the operator's back meanwhile. Whatever happens, in the end the store is what the cluster is, and every
 * deletion was told.
 */
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { RESOURCES } from '../../src/kube/resources.ts';
import { useCluster } from '../support/cluster.ts';
import { type Followed, follow } from './followed.ts';
import { isList, isWatch, type Proxy, type SeenRequest, startProxy, status } from './proxy.ts';

const cluster = useCluster();
let namespace: string;
let proxy: Proxy;

/** What a row may do. */
interface World {
  proxy: Proxy;
  followed: Followed;
  put(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
}

const GONE_EVENT = JSON.stringify({ type: 'ERROR', object: status(410, 'Expired') });

/** `lists`: how often everything had to be listed in all. `before` happens before the operator starts. */
const ROWS: {
  name: string;
  before?: (proxy: Proxy) => void;
  fault?: (world: World) => Promise<void>;
  lists: number;
}[] = [
  { name: 'nothing goes wrong', lists: 1 },
  {
    name: 'the watch ends as agreed, and goes on where it ended',
    fault: async ({ proxy }) => proxy.breakOpen('end'),
    lists: 1,
  },
  {
    name: 'the connection is reset in the middle of a watch',
    fault: async ({ proxy }) => proxy.breakOpen('reset'),
    lists: 1,
  },
  {
    name: 'the server is too busy twice (503)',
    fault: async ({ proxy }) => {
      proxy.inject(isWatch, { kind: 'answer', status: 503, body: status(503, 'ServiceUnavailable') }, 2);
      proxy.breakOpen('end');
    },
    lists: 1,
  },
  {
    name: 'a load balancer answers with a page of its own (502)',
    fault: async ({ proxy }) => {
      proxy.inject(isWatch, { kind: 'answer', status: 502, body: '<html>bad gateway</html>' });
      proxy.breakOpen('end');
    },
    lists: 1,
  },
  {
    name: 'the version is too old, said inside the watch (410)',
    fault: async ({ proxy }) => {
      proxy.inject(isWatch, { kind: 'lines', lines: [GONE_EVENT] });
      proxy.breakOpen('end');
    },
    lists: 2,
  },
  {
    name: 'the version is too old, said as an answer (410)',
    fault: async ({ proxy }) => {
      proxy.inject(isWatch, { kind: 'answer', status: 410, body: status(410, 'Expired') });
      proxy.breakOpen('end');
    },
    lists: 2,
  },
  {
    name: 'the first two lists fail (500)',
    before: (proxy) => proxy.inject(isList, { kind: 'answer', status: 500, body: status(500, 'InternalError') }, 2),
    lists: 3,
  },
  {
    name: 'the first list is cut in the middle',
    before: (proxy) => proxy.inject(isList, { kind: 'cut', afterBytes: 100 }),
    lists: 2,
  },
  {
    name: 'the connection is half open: nothing comes, nobody hangs up',
    fault: async ({ proxy }) => proxy.breakOpen('silence'),
    lists: 1,
  },
  {
    name: 'a new watch is never answered',
    fault: async ({ proxy }) => {
      proxy.inject(isWatch, { kind: 'silence' });
      proxy.breakOpen('end');
    },
    lists: 1,
  },
  {
    name: 'an event is cut in the middle of its line',
    fault: async ({ proxy, put }) => {
      proxy.inject(isWatch, { kind: 'cut', afterBytes: 40 });
      proxy.breakOpen('end');
      await put('cut', 'whole');
    },
    lists: 1,
  },
  {
    name: 'a line is no JSON',
    fault: async ({ proxy }) => {
      proxy.inject(isWatch, { kind: 'lines', lines: ['{"type":"ADD'] });
      proxy.breakOpen('end');
    },
    lists: 1,
  },
];

beforeAll(async () => {
  namespace = await cluster.namespace();
  const { server, caPem, adminToken } = cluster;
  proxy = await startProxy({ server, caPem, token: adminToken }, cluster.folder);
});
afterAll(() => proxy.close());

let count = 0;

/** Changes objects at the real server, past the proxy. */
function makeWorld(followed: Followed): World {
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  return {
    proxy,
    followed,
    put: async (name, text) => {
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { text } };
      await cluster.api.apply(`${path}/${name}`, body);
    },
    remove: async (name) => {
      await cluster.api.call('DELETE', `${path}/${name}`);
    },
  };
}

async function contents(): Promise<string[]> {
  const { items = [] } = await cluster.api.call('GET', `/api/v1/namespaces/${namespace}/configmaps`);
  return items
    .map(({ metadata, data }) => `${metadata.name}=${(data as { text?: string } | undefined)?.text}`)
    .toSorted();
}

const known = ({ store }: Followed) =>
  store
    .list()
    .map(({ name, text }) => `${name}=${text}`)
    .toSorted();

function started(onChange?: (name: string) => void): { followed: Followed; world: World } {
  const followed = follow(proxy.kubeconfigPath, namespace, onChange);
  onTestFinished(() => followed.stop());
  return { followed, world: makeWorld(followed) };
}

describe('the store ends up as the cluster is when', () => {
  it.each(ROWS.map((row) => [row.name, row] as const))('%s', async (_name, { before, fault, lists }) => {
    count += 1;
    const [kept, changed, removed, added] = ['kept', 'changed', 'removed', 'added'].map((name) => `${name}-${count}`);
    const seenBefore = proxy.seen.length;
    const { followed, world } = started();
    await world.put(kept!, '1');
    await world.put(changed!, '1');
    await world.put(removed!, '1');
    before?.(proxy);
    await followed.operator.start();
    await followed.operator.whenSynced();
    await vi.waitUntil(() => proxy.seen.slice(seenBefore).some(isWatch));
    await fault?.(world);
    await world.put(changed!, '2');
    await world.remove(removed!);
    await world.put(added!, '1');
    const expected = await contents();
    await vi.waitFor(() => expect(known(followed)).toEqual(expected), WAIT);
    expect(followed.told).toContain(`${removed} gone`);
    expect(proxy.seen.slice(seenBefore).filter(isList)).toHaveLength(lists);
  });
});

it('an object that vanished while nobody could look is told as gone after the relist', async () => {
  const { followed, world } = started();
  await world.put('blind', '1');
  await followed.operator.start();
  await followed.operator.whenSynced();
  await vi.waitUntil(() => proxy.seen.at(-1)?.isWatch);
  // From now on the server has forgotten everything up to this version, for good: only a list can tell.
  const forgotten = proxy.seen.at(-1)?.query.get('resourceVersion');
  const isFromThen = ({ isWatch, query }: SeenRequest) => isWatch && query.get('resourceVersion') === forgotten;
  proxy.inject(isFromThen, { kind: 'lines', lines: [GONE_EVENT] }, Number.POSITIVE_INFINITY);
  proxy.breakOpen('silence');
  await world.remove('blind');
  await vi.waitFor(() => expect(followed.told).toContain('blind gone'), WAIT);
  expect(followed.store.get(namespace, 'blind')).toBeUndefined();
});

it('a server that asks for patience gets it (429 with Retry-After)', async () => {
  const { followed, world } = started();
  await followed.operator.start();
  await followed.operator.whenSynced();
  await vi.waitUntil(() => proxy.seen.at(-1)?.isWatch);
  const body = status(429, 'TooManyRequests');
  proxy.inject(isWatch, { kind: 'answer', status: 429, headers: { 'retry-after': '2' }, body });
  const before = proxy.seen.length;
  proxy.breakOpen('end');
  await world.put('patient', '1');
  await vi.waitFor(() => expect(followed.store.get(namespace, 'patient')).toBeDefined(), WAIT);
  const [refused, next] = proxy.seen.slice(before);
  expect(next!.atMs - refused!.atMs).toBeGreaterThanOrEqual(2000);
});

it('a handler that throws is logged with the object, and everything else goes on', async () => {
  const { followed, world } = started((name) => {
    if (name === 'poison') throw new TypeError('x is undefined');
  });
  await followed.operator.start();
  await followed.operator.whenSynced();
  await world.put('poison', '1');
  await world.put('sound', '1');
  await vi.waitFor(() => expect(followed.store.get(namespace, 'sound')).toBeDefined(), WAIT);
  await world.put('poison', '2');
  await vi.waitFor(() => expect(followed.store.get(namespace, 'poison')).toEqual({ name: 'poison', text: '2' }), WAIT);
  const failures = followed.logged.filter(({ message }) => message === 'watch handler failed');
  expect(failures.map(({ level, fields }) => [level, fields['object']])).toEqual([
    ['error', `${namespace}/poison`],
    ['error', `${namespace}/poison`],
  ]);
});

it('health says which kind is not followed, why, and when it is again', async () => {
  proxy.inject(isList, { kind: 'answer', status: 403, body: status(403, 'Forbidden') });
  const { followed } = started();
  await followed.operator.start();
  await vi.waitFor(() => {
    const [kind] = followed.operator.healthy();
    expect(kind).toMatchObject({ resource: 'configmaps', synced: false, error: 'injected 403' });
  }, WAIT);
  await followed.operator.whenSynced();
  expect(followed.operator.healthy()[0]).toMatchObject({ synced: true, error: undefined });
});

it('fifty requests share connections', async () => {
  const { followed } = started();
  const before = proxy.handshakes;
  for (let call = 0; call < 50; call += 1) {
    await followed.client.get({ resource: RESOURCES.configMaps, namespace, name: 'none' });
  }
  // One, or two when a request begins in the moment in which the first connection is being put back.
  expect(proxy.handshakes - before).toBeLessThanOrEqual(2);
});

/** Milliseconds: the longest way back is an idle timeout of 2 s and waits of 0.2, 1 and 5 s. */
const WAIT = { timeout: 20_000, interval: 20 };
