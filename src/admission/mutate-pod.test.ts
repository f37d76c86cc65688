import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { goodPod, type LoosePod, sandbox } from '../../test/support/pods.ts';
import { POD_ID_LABEL, QUARANTINE_LABEL, SANDBOX_LABEL } from '../api/v1alpha1/labels.ts';
import type { AgentSandbox } from '../api/v1alpha1/types.ts';
import { applyPatch } from './json-patch.ts';
import { mutatePod, removeLabels } from './mutate-pod.ts';
import { labelsOf } from './pod-subject.ts';
import { reviewPod } from './review-pod.ts';

const ID = '00112233445566aa';
const mutated = (pod: unknown, by: AgentSandbox = sandbox()) =>
  applyPatch(pod, mutatePod(pod, by, ID).patch) as LoosePod;

describe('labels', () => {
  it.each<[string, (pod: LoosePod) => void]>([
    ['a pod without labels', (pod) => delete pod.metadata.labels],
    ['a pod whose labels are null', (pod) => (pod.metadata.labels = null)],
    ['a pod without metadata', (pod) => delete pod.metadata],
    ['a pod that copied the id of another', (pod) => (pod.metadata.labels[POD_ID_LABEL] = 'ffffffffffffffff')],
    ['a pod that names another sandbox', (pod) => (pod.metadata.labels[SANDBOX_LABEL] = 'looser')],
    ['a pod that says it is quarantined', (pod) => (pod.metadata.labels[QUARANTINE_LABEL] = 'incident-1')],
  ])('are stamped on %s', (_name, change) => {
    const pod = goodPod();
    change(pod);
    const labels = labelsOf(mutated(pod));
    expect(labels).toMatchObject({ [SANDBOX_LABEL]: 'trainers', [POD_ID_LABEL]: ID });
    expect(labels).not.toHaveProperty([QUARANTINE_LABEL]);
  });

  it('are stamped whatever the labels were', () => {
    const key = fc.oneof(
      fc.string(),
      fc.constantFrom(SANDBOX_LABEL, POD_ID_LABEL, QUARANTINE_LABEL, '__proto__', 'a/b~c'),
    );
    const labels = fc.dictionary(key, fc.string());
    fc.assert(
      fc.property(labels, fc.boolean(), (given, observe) => {
        const pod = { ...goodPod(), metadata: { labels: given } };
        const after = labelsOf(mutated(pod, sandbox({ mode: observe ? 'Observe' : 'Enforce' })));
        const { [SANDBOX_LABEL]: name, [POD_ID_LABEL]: id, [QUARANTINE_LABEL]: quarantine, ...others } = after;
        expect({ name, id, quarantine }).toEqual({ name: 'trainers', id: ID, quarantine: undefined });
        const { [SANDBOX_LABEL]: _1, [POD_ID_LABEL]: _2, [QUARANTINE_LABEL]: _3, ...othersBefore } = given;
        expect(others).toEqual(othersBefore);
      }),
    );
  });

  it('are taken off a pod that no sandbox governs, and no others', () => {
    const pod = goodPod();
    pod.metadata.labels = { app: 'x', [SANDBOX_LABEL]: 'a', [POD_ID_LABEL]: 'b', [QUARANTINE_LABEL]: 'c' };
    expect(labelsOf(applyPatch(pod, removeLabels(pod)))).toEqual({ app: 'x' });
    expect(removeLabels(goodPod())).toEqual([]);
  });
});

describe('safe defaults', () => {
  /** As the API server hands it to the webhook: its ServiceAccount step has mounted the token by then. */
  function podWithInjectedToken(): LoosePod {
    const pod = goodPod();
    delete pod.spec.automountServiceAccountToken;
    const mount = { name: 'kube-api-access-x7k2p', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
    pod.spec.volumes.unshift({
      name: 'kube-api-access-x7k2p',
      projected: { sources: [{ serviceAccountToken: { path: 'token' } }, { configMap: { name: 'kube-root-ca.crt' } }] },
    });
    for (const container of [...pod.spec.containers, ...pod.spec.initContainers]) {
      container.volumeMounts.unshift(mount);
    }
    return pod;
  }

  it('make an ordinary pod pass', () => {
    const pod = podWithInjectedToken();
    delete pod.spec.securityContext.seccompProfile;
    const by = sandbox({ admission: { runtimeClassNames: ['gvisor', 'kata'] } });
    expect(reviewPod(pod, by)).not.toEqual([]);
    expect(reviewPod(mutated(pod, by), by)).toEqual([]);
  });

  it('take the token out that the API server had put in', () => {
    const pod = mutated(podWithInjectedToken());
    expect(pod.spec).toEqual(goodPod().spec);
  });

  it('leave the token where it is allowed', () => {
    const pod = podWithInjectedToken();
    const after = mutated(pod, sandbox({ admission: { serviceAccountToken: 'Allowed' } }));
    expect(after.spec).toEqual(pod.spec);
  });

  it('do not touch a token that somebody projects by hand, so that it is refused', () => {
    const pod = goodPod();
    pod.spec.volumes.push({ name: 'mine', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } });
    expect(reviewPod(mutated(pod), sandbox()).map(({ check }) => check)).toEqual(['ServiceAccountToken']);
  });

  it('set seccomp, the first RuntimeClass and the bandwidth where they are absent', () => {
    const pod = goodPod();
    delete pod.spec.securityContext;
    const after = mutated(pod, sandbox({ bandwidth: '10M', admission: { runtimeClassNames: ['gvisor', 'kata'] } }));
    expect(after.spec.securityContext).toEqual({ seccompProfile: { type: 'RuntimeDefault' } });
    expect(after.spec.runtimeClassName).toBe('gvisor');
    expect(after.metadata.annotations).toEqual({ 'kubernetes.io/egress-bandwidth': '10M' });
  });

  it('override no choice but the bandwidth, which is not the pod’s to choose', () => {
    const pod = goodPod();
    pod.spec.securityContext.seccompProfile = { type: 'Unconfined' };
    pod.spec.runtimeClassName = 'runc';
    pod.metadata.annotations = { 'kubernetes.io/egress-bandwidth': '10G', other: 'x' };
    const after = mutated(pod, sandbox({ bandwidth: '10M', admission: { runtimeClassNames: ['gvisor'] } }));
    expect(after.spec).toEqual(pod.spec);
    expect(after.metadata.annotations).toEqual({ 'kubernetes.io/egress-bandwidth': '10M', other: 'x' });
  });

  it('are not set in mode Observe', () => {
    const pod = podWithInjectedToken();
    const by = sandbox({ mode: 'Observe', bandwidth: '10M', admission: { runtimeClassNames: ['gvisor'] } });
    const after = mutated(pod, by);
    expect(after.spec).toEqual(pod.spec);
    expect(after.metadata.annotations).toBeUndefined();
    expect(labelsOf(after)).toMatchObject({ [SANDBOX_LABEL]: 'trainers' });
  });
});

it('never throws, whatever it is given', () => {
  const anything = fc.record({ metadata: fc.jsonValue(), spec: fc.jsonValue() }, { requiredKeys: [] });
  fc.assert(fc.property(fc.oneof(fc.jsonValue(), anything), (pod) => void mutated(pod)));
});
