import { beforeEach, describe, expect, it } from 'vitest';
import { goodContainer, goodPod, type LoosePod, type SandboxChanges, sandbox } from '../../test/support/pods.ts';
import type { AdmissionDecision, AdmissionRequest } from '../api/admission-review.ts';
import { POD_ID_LABEL, QUARANTINE_LABEL, SANDBOX_LABEL } from '../api/v1alpha1/labels.ts';
import type { AgentSandbox } from '../api/v1alpha1/types.ts';
import { createAdmissionHandlers, MUTATE_PATH, VALIDATE_PATH } from './handlers.ts';
import { applyPatch } from './json-patch.ts';
import { labelsOf } from './pod-subject.ts';

const BULKHEAD = 'system:serviceaccount:bulkhead-system:bulkhead';
const NOW = new Date('2026-11-22T10:00:00Z');

let sandboxes: AgentSandbox[];
let taken: Set<string>;
let issued: number;
beforeEach(() => {
  sandboxes = [sandbox()];
  taken = new Set();
  issued = 0;
});

const handlers = createAdmissionHandlers({
  sandboxesIn: (namespace) => (namespace === 'team-a' ? sandboxes : []),
  isPodIdTaken: (id) => taken.has(id),
  newPodId: () => String((issued += 1)).padStart(16, '0'),
  operatorUsername: BULKHEAD,
  now: () => NOW,
});

const PODS = { group: '', version: 'v1', resource: 'pods' };

function request(changes: Partial<AdmissionRequest>): AdmissionRequest {
  return {
    uid: 'u1',
    resource: PODS,
    namespace: 'team-a',
    operation: 'CREATE',
    userInfo: { username: 'alice' },
    ...changes,
  };
}

async function call(path: string, changes: Partial<AdmissionRequest>): Promise<AdmissionDecision> {
  return await handlers[path]!(request(changes));
}

/** What the API server does with a new pod: mutate, then validate the result. */
async function create(pod: LoosePod): Promise<AdmissionDecision & { stored: unknown }> {
  const { patch = [] } = await call(MUTATE_PATH, { object: pod });
  const stored = applyPatch(pod, patch);
  return { ...(await call(VALIDATE_PATH, { object: stored })), stored };
}

const hostNetworkPod = () => {
  const pod = goodPod();
  pod.spec.hostNetwork = true;
  return pod;
};

describe('a new pod', () => {
  it('that meets the rules is stamped and admitted', async () => {
    const { allowed, stored } = await create(goodPod());
    expect(allowed).toBe(true);
    expect(labelsOf(stored)).toMatchObject({ [SANDBOX_LABEL]: 'trainers', [POD_ID_LABEL]: '0000000000000001' });
  });

  it('that breaks rules is refused with each of them', async () => {
    const pod = hostNetworkPod();
    pod.spec.containers[0].securityContext.privileged = true;
    const { allowed, message, auditAnnotations } = await create(pod);
    expect(allowed).toBe(false);
    expect(message).toMatch(/^refused by AgentSandbox team-a\/trainers: /);
    expect(message).toMatch(/\[HostNamespaces\] spec\.hostNetwork is true: .* Leave spec\.hostNetwork out\./);
    expect(message).toMatch(/\[Privileged\] spec\.containers\[0\]\.securityContext\.privileged is true: /);
    expect(auditAnnotations).toEqual({ refused: 'HostNamespaces,Privileged' });
  });

  it('that copies the id of another gets its own', async () => {
    const pod = goodPod();
    pod.metadata.labels[POD_ID_LABEL] = 'ffffffffffffffff';
    const { allowed, stored } = await create(pod);
    expect(allowed).toBe(true);
    expect(labelsOf(stored)[POD_ID_LABEL]).toBe('0000000000000001');
  });

  it('that no sandbox selects is admitted without our labels', async () => {
    const pod = hostNetworkPod();
    pod.metadata.labels = { app: 'web', [SANDBOX_LABEL]: 'trainers', [POD_ID_LABEL]: 'x' };
    const { allowed, stored } = await create(pod);
    expect(allowed).toBe(true);
    expect(labelsOf(stored)).toEqual({ app: 'web' });
  });

  it('that two sandboxes select is refused, with both names', async () => {
    sandboxes.push(sandbox({ name: 'others' }));
    const { allowed, message } = await create(goodPod());
    expect(allowed).toBe(false);
    expect(message).toMatch(/others and trainers/);
  });

  it('of a sandbox that goes by owner is not selected yet', async () => {
    sandboxes = [sandbox({ selector: { targetRef: { group: 'batch', kind: 'Job', name: 'trainer' } } })];
    const { allowed, stored } = await create(hostNetworkPod());
    expect(allowed).toBe(true);
    expect(labelsOf(stored)).toEqual({ app: 'trainer' });
  });

  it('of another namespace is none of our business', async () => {
    const pod = hostNetworkPod();
    expect(await call(MUTATE_PATH, { object: pod, namespace: 'team-b' })).toEqual({ allowed: true, patch: [] });
    expect(await call(VALIDATE_PATH, { object: pod, namespace: 'team-b' })).toEqual({ allowed: true });
  });
});

describe('a new pod that the mutating webhook did not reach', () => {
  const stamped = (labels: object) => {
    const pod = goodPod();
    pod.metadata.labels = { app: 'trainer', ...labels };
    return pod;
  };
  const OWN = { [SANDBOX_LABEL]: 'trainers', [POD_ID_LABEL]: 'aaaaaaaaaaaaaaaa' };

  it.each<[string, object]>([
    ['no labels of ours', {}],
    ['no id', { [SANDBOX_LABEL]: 'trainers' }],
    ['another sandbox', { ...OWN, [SANDBOX_LABEL]: 'looser' }],
    ['a quarantine label', { ...OWN, [QUARANTINE_LABEL]: 'x' }],
    ['the id of another pod', { ...OWN, [POD_ID_LABEL]: 'bbbbbbbbbbbbbbbb' }],
  ])('is refused with %s', async (_name, labels) => {
    taken.add('bbbbbbbbbbbbbbbb');
    const { allowed, message } = await call(VALIDATE_PATH, { object: stamped(labels) });
    expect(allowed).toBe(false);
    expect(message).toMatch(/try again/);
  });

  it('is refused with our labels where no sandbox selects it', async () => {
    const pod = stamped({ app: 'web', ...OWN });
    const { allowed, message } = await call(VALIDATE_PATH, { object: pod });
    expect(allowed).toBe(false);
    expect(message).toMatch(/bulkhead\.dev\/sandbox, bulkhead\.dev\/pod-id/);
  });
});

describe('mode Observe', () => {
  beforeEach(() => {
    sandboxes = [sandbox({ mode: 'Observe' })];
  });

  it('admits what Enforce would refuse, and says so', async () => {
    const { allowed, warnings, auditAnnotations } = await create(hostNetworkPod());
    expect(allowed).toBe(true);
    expect(warnings?.[0]).toMatch(/^AgentSandbox team-a\/trainers \(mode Observe\) would refuse: \[HostNamespaces\]/);
    expect(auditAnnotations).toEqual({ 'would-refuse': 'HostNamespaces' });
  });

  it('does not warn of what Enforce would have set right', async () => {
    const pod = goodPod();
    delete pod.spec.automountServiceAccountToken;
    delete pod.spec.securityContext.seccompProfile;
    expect(await create(pod)).toMatchObject({ allowed: true });
    expect((await create(pod)).warnings).toBeUndefined();
  });

  it('keeps warnings within what the API server passes on', async () => {
    const pod = goodPod();
    pod.spec.containers = Array.from({ length: 30 }, (_, index) => ({
      ...goodContainer(`c${index}`),
      securityContext: { privileged: true },
    }));
    const { warnings = [] } = await create(pod);
    expect(Math.max(...warnings.map(({ length }) => length))).toBeLessThanOrEqual(256);
    expect(warnings.join('').length).toBeLessThanOrEqual(4096);
    expect(warnings.at(-1)).toMatch(/^And \d+ more/);
  });

  it('of one of two sandboxes that select a pod does not let it in', async () => {
    sandboxes.push(sandbox({ name: 'others' }));
    expect((await create(goodPod())).allowed).toBe(false);
  });
});

describe('mode Lockdown', () => {
  it('refuses every new pod and says how to lift it', async () => {
    sandboxes = [sandbox({ mode: 'Lockdown' })];
    const { allowed, message } = await create(goodPod());
    expect(allowed).toBe(false);
    expect(message).toContain(
      `kubectl -n team-a patch agentsandbox trainers --type=merge -p '{"spec":{"mode":"Enforce"}}'`,
    );
  });

  it('is in force when the circuit breaker has tripped', async () => {
    sandboxes = [sandbox({ status: { mode: 'Lockdown' } })];
    expect((await create(goodPod())).message).toMatch(/circuit breaker/);
  });

  it('yields to Observe, which blocks nothing', async () => {
    sandboxes = [sandbox({ mode: 'Observe', status: { mode: 'Lockdown' } })];
    expect((await create(goodPod())).allowed).toBe(true);
  });
});

describe('a change of a running pod', () => {
  const running = (): LoosePod => {
    const pod = goodPod();
    pod.metadata.labels = { app: 'trainer', [SANDBOX_LABEL]: 'trainers', [POD_ID_LABEL]: 'aaaaaaaaaaaaaaaa' };
    return pod;
  };
  const update = (before: LoosePod, change: (pod: LoosePod) => unknown, more: Partial<AdmissionRequest> = {}) => {
    const after = structuredClone(before);
    change(after);
    return call(VALIDATE_PATH, { operation: 'UPDATE', oldObject: before, object: after, ...more });
  };

  it.each<[string, (pod: LoosePod) => unknown]>([
    ['changes its id', (pod) => (pod.metadata.labels[POD_ID_LABEL] = 'bbbbbbbbbbbbbbbb')],
    ['leaves its sandbox', (pod) => delete pod.metadata.labels[SANDBOX_LABEL]],
    ['sets the quarantine label', (pod) => (pod.metadata.labels[QUARANTINE_LABEL] = 'x')],
    ['drops all labels', (pod) => delete pod.metadata.labels],
  ])('that %s is refused to all but Bulkhead', async (_name, change) => {
    expect((await update(running(), change)).allowed).toBe(false);
    expect((await update(running(), change, { userInfo: { username: BULKHEAD } })).allowed).toBe(true);
  });

  it('is refused even in mode Observe, since the labels are what everything else rests on', async () => {
    sandboxes = [sandbox({ mode: 'Observe' })];
    const { allowed } = await update(running(), (pod) => (pod.metadata.labels[POD_ID_LABEL] = 'b'));
    expect(allowed).toBe(false);
  });

  it('of other labels and annotations passes, even for a pod that the rules would refuse today', async () => {
    const old = running();
    old.spec.hostNetwork = true;
    expect((await update(old, (pod) => (pod.metadata.labels.tier = 'gpu'))).allowed).toBe(true);
  });

  it('to a foreign image is refused', async () => {
    const rules: SandboxChanges['admission'] = {
      images: { allowed: ['registry.example.com/agents/*'], requireDigest: false },
    };
    sandboxes = [sandbox({ admission: rules })];
    const allowed = await update(running(), (pod) => (pod.spec.containers[0].image = 'registry.example.com/agents/x'));
    const refused = await update(running(), (pod) => (pod.spec.containers[0].image = 'evil.example.net/miner'));
    expect([allowed.allowed, refused.allowed]).toEqual([true, false]);
  });

  it('to an image that an exemption does not cover is refused', async () => {
    const exemption = {
      container: 'main',
      image: 'registry.example.com/agents/trainer',
      checks: ['Privileged' as const],
    };
    sandboxes = [sandbox({ admission: { exemptions: [exemption] } })];
    const old = running();
    old.spec.containers[0].securityContext.privileged = true;
    const { allowed, message } = await update(old, (pod) => (pod.spec.containers[0].image = 'evil.example.net/miner'));
    expect(allowed).toBe(false);
    expect(message).toMatch(/\[Privileged\] spec\.containers\[0\]/);
  });

  describe('by an ephemeral container', () => {
    const attach = (securityContext: object, before = running()) =>
      update(
        before,
        (pod) => {
          const { resources: _, ...container } = goodContainer(`debug-${pod.spec.ephemeralContainers?.length ?? 0}`);
          pod.spec.ephemeralContainers = [
            ...(pod.spec.ephemeralContainers ?? []),
            { ...container, securityContext: { ...container.securityContext, ...securityContext } },
          ];
        },
        { subResource: 'ephemeralcontainers' },
      );

    it('that meets the rules passes', async () => {
      expect((await attach({})).allowed).toBe(true);
    });

    it('that is privileged is refused', async () => {
      const { allowed, message } = await attach({ privileged: true });
      expect(allowed).toBe(false);
      expect(message).toMatch(/spec\.ephemeralContainers\[0\]\.securityContext\.privileged/);
    });

    it('is warned of in mode Observe', async () => {
      sandboxes = [sandbox({ mode: 'Observe' })];
      const { allowed, warnings } = await attach({ privileged: true });
      expect(allowed).toBe(true);
      expect(warnings?.[0]).toMatch(/\[Privileged\]/);
    });

    it('is judged alone: what the pod was admitted with is not judged again', async () => {
      const old = running();
      old.spec.hostPID = true;
      old.spec.ephemeralContainers = [{ name: 'debug-old', image: 'x', securityContext: { privileged: true } }];
      expect((await attach({}, old)).allowed).toBe(true);
    });

    it('is judged by the sandbox that stamped the pod, whatever its other labels say now', async () => {
      const old = running();
      old.metadata.labels.app = 'web';
      expect((await attach({ privileged: true }, old)).allowed).toBe(false);
    });
  });
});

describe('an approval', () => {
  const INCIDENTS = { group: 'bulkhead.dev', version: 'v1alpha1', resource: 'agentincidents' };
  const approve = async (before: unknown, after: unknown, username = 'alice') => {
    const incident = (approvals: unknown) => ({ metadata: { name: 'i' }, status: { approvals } });
    const { patch = [] } = await call(MUTATE_PATH, {
      resource: INCIDENTS,
      subResource: 'status',
      operation: 'UPDATE',
      userInfo: { username },
      oldObject: incident(before),
      object: incident(after),
    });
    return (applyPatch(incident(after), patch) as LoosePod).status.approvals;
  };
  const OLD = { approver: 'bob', time: '2026-11-22T09:00:00Z', reason: 'seen' };

  it('gets the name of the caller and the time', async () => {
    expect(await approve([], [{ reason: 'checked the logs' }])).toEqual([
      { reason: 'checked the logs', approver: 'alice', time: NOW.toISOString() },
    ]);
  });

  it('that stands already is left alone', async () => {
    expect(await approve([OLD], [OLD, { reason: 'me too' }])).toEqual([
      OLD,
      { reason: 'me too', approver: 'alice', time: NOW.toISOString() },
    ]);
  });

  it('keeps a name that is there, for the policy to judge, but never the caller’s time', async () => {
    expect(await approve([], [{ reason: 'forged', approver: 'bob', time: '2020-01-01T00:00:00Z' }])).toEqual([
      { reason: 'forged', approver: 'bob', time: NOW.toISOString() },
    ]);
  });

  it('is not written by Bulkhead itself', async () => {
    expect(await approve(undefined, [{ reason: 'kept' }], BULKHEAD)).toEqual([{ reason: 'kept' }]);
  });

  it.each([[undefined], ['x'], [[7]], [{ 0: {} }]])('that is %j is left to the API server to refuse', async (given) => {
    expect(await approve([], given)).toEqual(given);
  });
});

describe('a request that was never announced', () => {
  it.each<[string, Partial<AdmissionRequest>]>([
    ['another kind', { resource: { group: '', version: 'v1', resource: 'secrets' } }],
    ['another subresource', { subResource: 'exec', operation: 'CONNECT' }],
    ['pods of another group', { resource: { group: 'metrics.k8s.io', version: 'v1', resource: 'pods' } }],
  ])('for %s is not changed and not admitted', async (_name, changes) => {
    expect(await call(MUTATE_PATH, { object: goodPod(), ...changes })).toEqual({ allowed: true });
    expect((await call(VALIDATE_PATH, { object: goodPod(), ...changes })).allowed).toBe(false);
  });
});
