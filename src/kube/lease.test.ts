import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../api/errors.ts';
import type { KubeObject } from '../api/v1alpha1/types.ts';
import { silentLogger } from '../telemetry/log.ts';
import { systemClock } from './clock.ts';
import { LeaderElection, microTime } from './lease.ts';

beforeEach(() => void vi.useFakeTimers({ now: Date.parse('2026-11-22T10:00:00Z') }));
afterEach(() => void vi.useRealTimers());

type Lease = KubeObject & { spec: Record<string, unknown> };

/** A Lease in an API server that checks versions, and can be made to fail or hang. */
function makeServer() {
  let stored: Lease | undefined;
  let version = 0;
  let fault: 'none' | 'down' | 'hang' = 'none';
  const answer = async <T>(body: () => T): Promise<T> => {
    if (fault === 'down') throw new ApiError(0, 'ConnectionFailed', 'down');
    if (fault === 'hang') await new Promise(() => {});
    return body();
  };
  const store = (object: KubeObject) => {
    version += 1;
    stored = structuredClone({
      ...(object as Lease),
      metadata: { ...object.metadata, resourceVersion: String(version) },
    });
    return structuredClone(stored);
  };
  return {
    lease: () => stored?.spec,
    setFault: (next: typeof fault) => void (fault = next),
    seize: (holderIdentity: string) =>
      void store({ ...(stored as Lease), spec: { ...stored?.spec, holderIdentity } } as Lease),
    client: {
      get: <T extends KubeObject>() => answer(() => structuredClone(stored) as T | undefined),
      create: <T extends KubeObject>(_resource: unknown, object: T) =>
        answer(() => {
          if (stored !== undefined) throw new ApiError(409, 'AlreadyExists', 'exists');
          return store(object) as unknown as T;
        }),
      replace: <T extends KubeObject>(_resource: unknown, object: T) =>
        answer(() => {
          if (object.metadata.resourceVersion !== stored?.metadata.resourceVersion) {
            throw new ApiError(409, 'Conflict', 'changed');
          }
          return store(object) as unknown as T;
        }),
    },
  };
}

function makeCandidate(server: ReturnType<typeof makeServer>, identity: string) {
  const events: string[] = [];
  const election = new LeaderElection({
    client: server.client,
    clock: { ...systemClock, random: () => 0 },
    log: silentLogger,
    namespace: 'bulkhead-system',
    name: 'bulkhead',
    identity,
    onStarted: () => events.push('started'),
    onLost: () => events.push('lost'),
  });
  return { election, events };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('the only candidate', () => {
  it('creates the lease and leads', async () => {
    const server = makeServer();
    const a = makeCandidate(server, 'a');
    a.election.start();
    await pass(0);
    expect(a.events).toEqual(['started']);
    expect(a.election.isLeader).toBe(true);
    expect(server.lease()).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-11-22T10:00:00.000000Z',
      renewTime: '2026-11-22T10:00:00.000000Z',
      leaseTransitions: 0,
    });
  });

  it('renews every two seconds and stays leader', async () => {
    const server = makeServer();
    const a = makeCandidate(server, 'a');
    a.election.start();
    await pass(60_000);
    expect(a.events).toEqual(['started']);
    expect(server.lease()).toMatchObject({
      acquireTime: '2026-11-22T10:00:00.000000Z',
      renewTime: '2026-11-22T10:01:00.000000Z',
      leaseTransitions: 0,
    });
  });

  it('takes over at once what it held before a restart', async () => {
    const server = makeServer();
    makeCandidate(server, 'a').election.start();
    await pass(0);
    const again = makeCandidate(server, 'a');
    again.election.start();
    await pass(0);
    expect(again.events).toEqual(['started']);
  });
});

describe('a second candidate', () => {
  it('stands by while the first renews', async () => {
    const server = makeServer();
    const [a, b] = [makeCandidate(server, 'a'), makeCandidate(server, 'b')];
    a.election.start();
    await pass(0);
    b.election.start();
    await pass(120_000);
    expect(b.events).toEqual([]);
    expect(b.election.holder).toBe('a');
  });

  it('takes over when the lease was given back, without waiting for its end', async () => {
    const server = makeServer();
    const [a, b] = [makeCandidate(server, 'a'), makeCandidate(server, 'b')];
    a.election.start();
    await pass(0);
    b.election.start();
    await pass(5000);
    await a.election.stop();
    await pass(2000);
    expect(a.events).toEqual(['started']);
    expect(b.events).toEqual(['started']);
    expect(server.lease()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  it('takes over from a dead one only after the lease has run out by its own watch', async () => {
    const server = makeServer();
    const dead = { holderIdentity: 'dead', leaseDurationSeconds: 15, renewTime: '2020-01-01T00:00:00.000000Z' };
    await server.client.create(undefined, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'bulkhead', namespace: 'bulkhead-system' },
      spec: dead,
    } as KubeObject);
    const b = makeCandidate(server, 'b');
    b.election.start();
    await pass(14_000);
    expect(b.events).toEqual([]);
    await pass(2000);
    expect(b.events).toEqual(['started']);
  });
});

describe('a leader', () => {
  it('rides out an outage shorter than the deadline', async () => {
    const server = makeServer();
    const a = makeCandidate(server, 'a');
    a.election.start();
    await pass(0);
    server.setFault('down');
    await pass(9000);
    server.setFault('none');
    await pass(10_000);
    expect(a.events).toEqual(['started']);
  });

  it.each(['down', 'hang'] as const)('steps down before others may take over when the server is %s', async (fault) => {
    const server = makeServer();
    const a = makeCandidate(server, 'a');
    a.election.start();
    await pass(0);
    server.setFault(fault);
    await pass(9900);
    expect(a.events).toEqual(['started']);
    await pass(2200);
    expect(a.events).toEqual(['started', 'lost']);
    expect(a.election.isLeader).toBe(false);
  });

  it('steps down when it sees another holder', async () => {
    const server = makeServer();
    const a = makeCandidate(server, 'a');
    a.election.start();
    await pass(0);
    server.seize('b');
    await pass(2000);
    expect(a.events).toEqual(['started', 'lost']);
    expect(server.lease()).toMatchObject({ holderIdentity: 'b' });
  });

  it('does not touch the lease after it was lost', async () => {
    const server = makeServer();
    const a = makeCandidate(server, 'a');
    a.election.start();
    await pass(0);
    server.seize('b');
    await pass(2000);
    await a.election.stop();
    expect(server.lease()).toMatchObject({ holderIdentity: 'b' });
  });

  it('stops even when the server is gone', async () => {
    const server = makeServer();
    const a = makeCandidate(server, 'a');
    a.election.start();
    await pass(0);
    server.setFault('down');
    await a.election.stop();
    expect(a.events).toEqual(['started']);
    expect(a.election.isLeader).toBe(false);
  });
});

it('a candidate that is stopped takes nothing later', async () => {
  const server = makeServer();
  const b = makeCandidate(server, 'b');
  server.setFault('down');
  b.election.start();
  await pass(3000);
  const stopped = b.election.stop();
  await pass(0);
  await stopped;
  server.setFault('none');
  await pass(60_000);
  expect(b.events).toEqual([]);
  expect(server.lease()).toBeUndefined();
});

it('times have six digits', () => {
  expect(microTime(Date.parse('2026-11-22T10:00:00.123Z'))).toBe('2026-11-22T10:00:00.123000Z');
});
