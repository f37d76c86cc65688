import { beforeEach, describe, expect, it } from 'vitest';
import { finding } from '../../test/support/findings.ts';
import { MemoryWorld } from '../../test/support/memory-ports.ts';
import { pod, sandbox } from '../../test/support/objects.ts';
import { recordFinding } from './record-finding.ts';

let world: MemoryWorld;
const record = (over = {}) => recordFinding(finding(over), world.ports());
const only = () => [...world.incidents.values()][0];

beforeEach(() => {
  world = new MemoryWorld();
  world.sandboxes.set('agents/rl', sandbox('rl'));
  world.pods.set('uid-rollout-0', pod('rollout-0', { labels: { app: 'agent', 'bulkhead.dev/pod-id': 'abc' } }));
});

describe('a finding', () => {
  it('becomes a record that knows the pod, its node and its images', async () => {
    expect(await record()).toBe('Created');
    expect(only()?.spec).toMatchObject({
      response: 'Quarantine',
      pod: { name: 'rollout-0', uid: 'uid-rollout-0', id: 'abc', node: 'node-1', serviceAccount: 'default' },
    });
  });

  it('below an alert is not stored', async () => {
    expect(await record({ action: 'watch' })).toBe('Ignored');
    expect(world.incidents.size).toBe(0);
  });

  it('seen again changes nothing that is already known', async () => {
    await record();
    expect(await record()).toBe('Unchanged');
    expect(world.incidents.size).toBe(1);
  });

  it('is counted at most every ten seconds', async () => {
    await record();
    const stored = only();
    world.incidents.set('k', { ...(stored as NonNullable<typeof stored>), status: { phase: 'Contained', count: 1 } });
    world.incidents.delete(`agents/${stored?.metadata.name}`);
    const later = (s: number) => ({ count: 2, lastSeenMs: Date.parse('2026-11-22T09:55:00Z') + s * 1000 });
    expect(await record(later(9))).toBe('Unchanged');
    expect(await record(later(10))).toBe('Counted');
  });

  it('that climbs the ladder raises its own record and keeps the pod it was about', async () => {
    await record({ action: 'alert', score: 55 });
    expect(only()?.spec.response).toBe('Alert');
    expect(await record({ action: 'quarantine', score: 84 })).toBe('Escalated');
    expect(world.incidents.size).toBe(1);
    expect(only()?.spec).toMatchObject({ response: 'Quarantine', score: 84, pod: { id: 'abc' } });
  });

  it('gets a new record after a release', async () => {
    await record();
    const stored = only();
    const key = `agents/${stored?.metadata.name}`;
    world.incidents.set(key, { ...(stored as NonNullable<typeof stored>), status: { phase: 'Released' } });
    expect(await record()).toBe('Created');
    expect(world.incidents.size).toBe(2);
  });

  it('in Observe is an alert that says what would have been done', async () => {
    world.sandboxes.set('agents/rl', sandbox('rl', { mode: 'Observe' }));
    await record();
    expect(only()?.spec).toMatchObject({ action: 'Quarantine', response: 'Alert' });
    expect(only()?.spec.responseReason).toMatch(/would have/);
  });
});
