import { beforeEach, describe, expect, it } from 'vitest';
import { Killed, MemoryWorld } from '../../test/support/memory-ports.ts';
import { incident, pod, sandbox } from '../../test/support/objects.ts';
import { ApiError, TerminalError } from '../api/errors.ts';
import { POD_ID_LABEL, QUARANTINE_LABEL, ROLE_LABEL, SANDBOX_LABEL } from '../api/v1alpha1/labels.ts';
import { matchesSelector } from '../api/v1alpha1/selector.ts';
import type { LabelSelector } from '../api/v1alpha1/types.ts';
import { reconcileSandbox } from './sandbox.ts';

const KEY = { namespace: 'agents', name: 'rl' };
let world: MemoryWorld;

beforeEach(() => {
  world = new MemoryWorld();
  world.sandboxes.set('agents/rl', sandbox('rl'));
  for (const name of ['rollout-0', 'rollout-1']) {
    world.pods.set(`uid-${name}`, pod(name));
  }
});

const run = () => reconcileSandbox(KEY, world.ports());

/** Policies of a role that select a pod, as the API server holds them now. */
function selecting(podName: string, role: 'sandbox' | 'quarantine'): string[] {
  const labels = world.pods.get(`uid-${podName}`)?.labels ?? {};
  return [...world.policies.values()]
    .filter((policy) => policy.metadata.labels?.[ROLE_LABEL] === role)
    .filter((policy) => matchesSelector(policy.spec['podSelector'] as LabelSelector, labels))
    .map((policy) => policy.metadata.name);
}

const status = (name: string) => world.incidents.get(`agents/${name}`)?.status;
const conditionOf = (type: string) =>
  world.sandboxes.get('agents/rl')?.status?.conditions?.find((condition) => condition.type === type);

function approve(name: string, ...approvers: string[]): void {
  const stored = world.incidents.get(`agents/${name}`);
  if (stored === undefined) {
    throw new Error(`no incident ${name}`);
  }
  const approvals = approvers.map((approver) => ({ approver, time: world.now.toISOString(), reason: 'looked at it' }));
  world.incidents.set(`agents/${name}`, { ...stored, status: { ...stored.status, approvals } });
}

describe('a sandbox becomes true', () => {
  it('stamps pods that admission missed and selects them by these labels only', async () => {
    await run();
    const [first, second] = [...world.pods.values()];
    expect(first?.labels[SANDBOX_LABEL]).toBe('rl');
    expect(first?.labels[POD_ID_LABEL]).not.toBe(second?.labels[POD_ID_LABEL]);
    expect(selecting('rollout-0', 'sandbox')).toHaveLength(1);
    expect(conditionOf('PolicyEnforced')?.status).toBe('True');
  });

  it('writes nothing the second time', async () => {
    await run();
    const writes = world.writes;
    await run();
    expect(world.writes).toBe(writes);
  });

  it('says so when no pod is selected', async () => {
    world.pods.clear();
    await run();
    expect(conditionOf('PolicyEnforced')).toMatchObject({ status: 'False', reason: 'NoPodsSelected' });
  });

  it('reports a pod on the host network as unenforceable', async () => {
    world.pods.set('uid-h', pod('h', { hostNetwork: true }));
    await run();
    expect(world.sandboxes.get('agents/rl')?.status?.pods?.unenforceable).toBe(1);
    expect(conditionOf('PolicyEnforced')).toMatchObject({ status: 'False', reason: 'HostNetwork' });
  });

  it('gives the younger of two pods with one id a new id', async () => {
    const twin = { app: 'agent', [SANDBOX_LABEL]: 'rl', [POD_ID_LABEL]: 'same' };
    world.pods.set('uid-old', pod('old', { labels: twin, creationTimestamp: '2026-11-22T08:00:00Z' }));
    world.pods.set('uid-young', pod('young', { labels: twin, creationTimestamp: '2026-11-22T09:59:00Z' }));
    await run();
    expect(world.pods.get('uid-old')?.labels[POD_ID_LABEL]).toBe('same');
    expect(world.pods.get('uid-young')?.labels[POD_ID_LABEL]).not.toBe('same');
  });

  it('keeps a pod whose sandbox now selects other labels', async () => {
    await run();
    world.sandboxes.set('agents/rl', sandbox('rl', { selector: { podSelector: { matchLabels: { app: 'renamed' } } } }));
    await run();
    expect(selecting('rollout-0', 'sandbox')).toHaveLength(1);
  });

  it('leaves pods with the sandbox that has them when a second one selects them too, and says so', async () => {
    await run();
    world.sandboxes.set('agents/second', sandbox('second'));
    await reconcileSandbox({ namespace: 'agents', name: 'second' }, world.ports());
    await run();
    expect(world.pods.get('uid-rollout-0')?.labels[SANDBOX_LABEL]).toBe('rl');
    expect(conditionOf('PolicyEnforced')).toMatchObject({ status: 'False', reason: 'SelectorOverlap' });
  });

  it('marks itself stalled on an error that only a person can mend', async () => {
    const ports = world.ports();
    ports.policies.apply = async () => {
      throw new TerminalError('NameConflict', 'NetworkPolicy bulkhead-rl belongs to somebody else');
    };
    await expect(reconcileSandbox(KEY, ports)).rejects.toThrow('somebody else');
    expect(conditionOf('Stalled')).toMatchObject({ status: 'True', reason: 'NameConflict' });
    expect(conditionOf('Ready')?.status).toBe('False');
  });
});

describe('a quarantine', () => {
  it('cuts off the one pod, labels it for people, and says when each happened', async () => {
    world.incidents.set('agents/t', incident('t'));
    await run();
    expect(selecting('rollout-0', 'quarantine')).toHaveLength(1);
    expect(selecting('rollout-0', 'sandbox')).toEqual([]);
    expect(selecting('rollout-1', 'quarantine')).toEqual([]);
    expect(selecting('rollout-1', 'sandbox')).toHaveLength(1);
    expect(world.pods.get('uid-rollout-0')?.labels[QUARANTINE_LABEL]).toBe('t');
    expect(status('t')).toMatchObject({
      phase: 'Contained',
      quarantine: {
        appliedAt: expect.any(String),
        labelledAt: expect.any(String),
        verifiedAt: expect.any(String),
      },
    });
  });

  it('outlives its sandbox and ends with the release', async () => {
    world.incidents.set('agents/t', incident('t'));
    await run();
    world.sandboxes.delete('agents/rl');
    await run();
    expect(selecting('rollout-0', 'quarantine')).toHaveLength(1);
    approve('t', 'sam@example.com');
    await run();
    expect(selecting('rollout-0', 'quarantine')).toEqual([]);
    expect(status('t')?.phase).toBe('Released');
  });

  it('is not carried out for an incident whose response is an alert', async () => {
    world.incidents.set('agents/t', incident('t', { response: 'Alert', responseReason: 'mode Observe' }));
    await run();
    expect(selecting('rollout-0', 'quarantine')).toEqual([]);
    expect(status('t')?.phase).toBe('Open');
  });

  it('is called failed when the pod is on the host network', async () => {
    world.pods.set('uid-rollout-0', pod('rollout-0', { hostNetwork: true }));
    world.incidents.set('agents/t', incident('t'));
    const result = await run();
    expect(status('t')?.phase).toBe('ContainmentFailed');
    expect(result.requeueAfterMs).toBeGreaterThan(0);
  });

  it('is called failed when the policy does not read back', async () => {
    world.incidents.set('agents/t', incident('t'));
    const ports = world.ports();
    ports.policies.read = async () => undefined;
    await reconcileSandbox(KEY, ports);
    expect(status('t')?.phase).toBe('ContainmentFailed');
  });

  it('holds a pod for as long as one of two incidents does', async () => {
    world.incidents.set('agents/a', incident('a'));
    world.incidents.set('agents/b', incident('b'));
    await run();
    approve('a', 'sam@example.com');
    await run();
    expect(status('a')?.phase).toBe('Released');
    expect(selecting('rollout-0', 'quarantine')).toHaveLength(1);
  });

  it('waits for as many people as the sandbox asks for, each counted once', async () => {
    const release = { approvals: 2, cooldown: '0s' };
    const response = { action: 'Quarantine' as const, quarantine: { keepPod: true }, release };
    world.sandboxes.set('agents/rl', sandbox('rl', { response }));
    world.incidents.set('agents/t', incident('t'));
    await run();
    approve('t', 'sam@example.com', 'sam@example.com');
    await run();
    expect(status('t')?.phase).toBe('Contained');
    approve('t', 'sam@example.com', 'kim@example.com');
    await run();
    expect(status('t')?.phase).toBe('Released');
    expect(selecting('rollout-0', 'sandbox')).toHaveLength(1);
    expect(world.pods.get('uid-rollout-0')?.labels[QUARANTINE_LABEL]).toBeUndefined();
  });

  it('waits for the cool-down after the last approval', async () => {
    const release = { approvals: 1, cooldown: '10m' };
    const response = { action: 'Quarantine' as const, quarantine: { keepPod: true }, release };
    world.sandboxes.set('agents/rl', sandbox('rl', { response }));
    world.incidents.set('agents/t', incident('t'));
    await run();
    approve('t', 'sam@example.com');
    expect(await run()).toEqual({ requeueAfterMs: 600_000 });
    world.now = new Date(world.now.getTime() + 600_000);
    await run();
    expect(status('t')?.phase).toBe('Released');
  });
});

describe('somebody who works against it', () => {
  const refuse = (error: Error, when: (text: string) => boolean) => {
    const ports = world.ports();
    const { apply } = ports.policies;
    ports.policies.apply = async (object) => {
      if (when(object.metadata.name)) {
        throw error;
      }
      return apply(object);
    };
    return ports;
  };

  it('takes the name of the quarantine policy: the pod is cut off all the same, and the conflict is told', async () => {
    await run();
    world.incidents.set('agents/t', incident('t'));
    const ports = refuse(new TerminalError('NameConflict', 'not ours'), (name) => name.endsWith('-quarantine'));
    await expect(reconcileSandbox(KEY, ports)).rejects.toThrow('not ours');
    expect(selecting('rollout-0', 'sandbox')).toEqual([]);
    expect(status('t')?.phase).toBe('Contained');
    expect(conditionOf('Stalled')?.reason).toBe('NameConflict');
  });

  it('has a pod that takes no label: all others get theirs, and the policies are written', async () => {
    const ports = world.ports();
    const { label } = ports.pods;
    ports.pods.label = async (pod, labels) => {
      if (pod.name === 'rollout-0') {
        throw new ApiError(500, 'InternalError', 'etcdserver: request is too large');
      }
      return label(pod, labels);
    };
    await expect(reconcileSandbox(KEY, ports)).rejects.toThrow('too large');
    expect(selecting('rollout-1', 'sandbox')).toHaveLength(1);
    expect(conditionOf('PolicyEnforced')?.status).toBe('False');
  });

  it('has an image name longer than a record holds: the pod is cut off all the same', async () => {
    const image = `registry.example/${'x'.repeat(900)}`;
    const images = Array.from({ length: 40 }, () => image);
    world.pods.set('uid-rollout-0', pod('rollout-0', { images }));
    world.incidents.set('agents/t', incident('t'));
    await run();
    const recorded = world.incidents.get('agents/t')?.spec.pod.images ?? [];
    expect(recorded).toHaveLength(32);
    expect(Math.max(...recorded.map((one) => one.length))).toBe(512);
    expect(status('t')?.phase).toBe('Contained');
  });

  it('has one record that cannot be written: the others are', async () => {
    world.incidents.set('agents/a', incident('a'));
    world.incidents.set('agents/b', incident('b', { pod: { name: 'rollout-1' } }));
    const ports = world.ports();
    const { writeStatus } = ports.incidents;
    ports.incidents.writeStatus = async (one, next) => {
      if (one.metadata.name === 'a') {
        throw new ApiError(422, 'Invalid', 'too long');
      }
      return writeStatus(one, next);
    };
    await expect(reconcileSandbox(KEY, ports)).rejects.toThrow('too long');
    expect(status('b')?.phase).toBe('Contained');
    expect(selecting('rollout-0', 'sandbox')).toEqual([]);
  });

  it('replaces the sandbox by one of another name: the pod stays cut off', async () => {
    world.incidents.set('agents/t', incident('t'));
    await run();
    world.sandboxes.clear();
    world.sandboxes.set('agents/other', sandbox('other'));
    await reconcileSandbox({ namespace: 'agents', name: 'other' }, world.ports());
    expect(world.pods.get('uid-rollout-0')?.labels[SANDBOX_LABEL]).toBe('other');
    expect(selecting('rollout-0', 'sandbox')).toEqual([]);
    expect(world.pods.get('uid-rollout-0')?.labels[QUARANTINE_LABEL]).toBe('t');
  });

  it('deletes the sandbox to be released more cheaply: the terms are in the record', async () => {
    const release = { approvals: 2, cooldown: '0s' };
    const response = { action: 'Quarantine' as const, quarantine: { keepPod: true }, release };
    world.sandboxes.set('agents/rl', sandbox('rl', { response }));
    world.incidents.set('agents/t', incident('t'));
    await run();
    approve('t', 'sam@example.com');
    world.sandboxes.set('agents/rl', sandbox('rl'));
    await run();
    expect(status('t')?.phase).toBe('Contained');
  });

  it('moves the label of a policy to another sandbox: that one does not delete it', async () => {
    world.sandboxes.set('agents/other', sandbox('other', { selector: { podSelector: { matchLabels: { app: 'x' } } } }));
    await run();
    const floor = world.policies.get('agents/NetworkPolicy/bulkhead-rl-floor');
    const moved = structuredClone(floor);
    if (moved?.metadata.labels !== undefined) {
      moved.metadata.labels[SANDBOX_LABEL] = 'other';
      world.policies.set('agents/NetworkPolicy/bulkhead-rl-floor', moved);
    }
    await reconcileSandbox({ namespace: 'agents', name: 'other' }, world.ports());
    expect(world.policies.has('agents/NetworkPolicy/bulkhead-rl-floor')).toBe(true);
  });

  it('opens the quarantine policy by hand: what was contained is judged again', async () => {
    world.incidents.set('agents/t', incident('t'));
    await run();
    const ports = world.ports();
    const { list } = ports.policies;
    ports.policies.list = (namespace) =>
      list(namespace).map((object) =>
        object.metadata.name.endsWith('-quarantine') ? { ...object, spec: { ...object.spec, egress: [{}] } } : object,
      );
    await reconcileSandbox(KEY, ports);
    expect(status('t')?.phase).toBe('ContainmentFailed');
  });

  it('asks for a quarantine in mode Observe: it is recorded as what would have been done', async () => {
    world.sandboxes.set('agents/rl', sandbox('rl', { mode: 'Observe' }));
    world.incidents.set('agents/m', incident('m', { detector: 'Manual' }));
    await run();
    expect(world.incidents.get('agents/m')?.spec.response).toBe('Alert');
    expect(selecting('rollout-0', 'quarantine')).toEqual([]);
  });

  it('names a pod that does not exist: nothing is called contained', async () => {
    world.incidents.set('agents/m', incident('m', { pod: { name: 'nobody' } }));
    await run();
    expect(status('m')?.phase).toBe('ContainmentFailed');
  });

  it('gives a pod an empty id: it gets a real one', async () => {
    world.pods.set('uid-e', pod('e', { labels: { app: 'agent', [POD_ID_LABEL]: '' } }));
    await run();
    expect(world.pods.get('uid-e')?.labels[POD_ID_LABEL]).not.toBe('');
  });
});

describe('a kill between any two writes', () => {
  /** What must hold after every single write once a pod is to be cut off. */
  function neverLooser(before: { allowed: boolean }): void {
    const allowed = selecting('rollout-0', 'sandbox').length > 0;
    const denied = selecting('rollout-0', 'quarantine').length > 0;
    if (!allowed && !denied) {
      throw new Error('the pod is selected by no policy at all: open to everything');
    }
    if (!before.allowed && allowed) {
      throw new Error('a quarantined pod was allowed again');
    }
    before.allowed = allowed;
  }

  async function totalWrites(): Promise<number> {
    const probe = new MemoryWorld();
    Object.assign(probe, { sandboxes: new Map(world.sandboxes), pods: new Map(world.pods) });
    await reconcileSandbox(KEY, probe.ports());
    const start = probe.writes;
    probe.incidents.set('agents/t', incident('t'));
    await reconcileSandbox(KEY, probe.ports());
    return probe.writes - start;
  }

  it('leaves nothing looser and is finished by the next run', async () => {
    const total = await totalWrites();
    expect(total).toBeGreaterThanOrEqual(4);
    for (let n = 1; n <= total; n += 1) {
      const attempt = new MemoryWorld();
      Object.assign(attempt, { sandboxes: new Map(world.sandboxes), pods: new Map(world.pods) });
      await reconcileSandbox(KEY, attempt.ports());
      const outer = world;
      world = attempt;
      attempt.incidents.set('agents/t', incident('t'));
      attempt.killAtWrite = attempt.writes + n;
      const before = { allowed: true };
      attempt.afterWrite = () => neverLooser(before);
      await expect(run()).rejects.toThrow(Killed);
      attempt.killAtWrite = Number.POSITIVE_INFINITY;
      await run();
      expect(status('t')?.phase).toBe('Contained');
      expect(selecting('rollout-0', 'sandbox')).toEqual([]);
      world = outer;
    }
  });
});
