/**
 * Reads policies back from the API server and says of every held pod whether it is really cut off there.
 *
 * Accepting a write is not proof: somebody may have changed the object since. A pod counts as contained when a policy of ours
 * that allows nothing selects it, and none of ours that allows something does, whichever sandbox that belongs to. What is
 * new is read from the API server itself; what was contained before is judged again, on every pass, from the cache.
 */
import { POD_ID_LABEL, ROLE_LABEL } from '../../api/v1alpha1/labels.ts';
import { matchesSelector } from '../../api/v1alpha1/selector.ts';
import type { PolicyObject } from '../../policy/plan.ts';
import { podSelectorOf } from '../../policy/selectors.ts';
import { attempt, type IncidentDraft, noted, type Pass, reference } from '../pass.ts';
import { idOf } from './apply-policies.ts';

export async function verifyContainment(pass: Pass): Promise<void> {
  const held = pass.incidents.filter((draft) => draft.holds);
  if (held.length === 0) {
    return;
  }
  const isNew = held.some((draft) => draft.status.phase !== 'Contained');
  const policies = isNew ? await readBack(pass) : pass.ports.policies.list(pass.namespace);
  for (const draft of held) {
    judge(pass, draft, policies);
  }
}

/** The policies of this sandbox as the API server has them now, and those of the others as the cache has them. */
async function readBack(pass: Pass): Promise<PolicyObject[]> {
  const own = new Set(pass.plan.objects.map(idOf));
  const policies = pass.ports.policies.list(pass.namespace).filter((object) => !own.has(idOf(object)));
  for (const object of pass.plan.objects) {
    const live = await attempt(pass, () => pass.ports.policies.read(object));
    if (live !== undefined) {
      policies.push(live);
    }
  }
  return policies;
}

function judge(pass: Pass, draft: IncidentDraft, policies: readonly PolicyObject[]): void {
  const failure = whyNotContained(draft, policies);
  if (failure !== undefined) {
    fail(pass, draft, failure);
    return;
  }
  if (draft.status.phase === 'Contained') {
    return;
  }
  const verifiedAt = pass.ports.clock.now();
  const message = draft.pod === undefined ? 'The pod is gone; its id stays denied' : 'Read back: the pod is cut off';
  draft.status = noted(
    {
      ...draft.status,
      phase: 'Contained',
      quarantine: { ...draft.status.quarantine, verifiedAt: verifiedAt.toISOString() },
    },
    verifiedAt,
    'bulkhead',
    message,
  );
  pass.ports.reporter.report(reference(draft.incident), {
    type: 'Warning',
    reason: 'Contained',
    message: `Pod ${draft.incident.spec.pod.name} is cut off: ${draft.incident.spec.explanation}`,
  });
}

function whyNotContained({ pod, incident }: IncidentDraft, policies: readonly PolicyObject[]): string | undefined {
  if (pod === undefined) {
    return incident.spec.pod.id === undefined ? 'there is no such pod, and no id to deny' : undefined;
  }
  if (pod.hostNetwork) {
    return 'the pod is on the host network, where no policy reaches it; delete it or its owner';
  }
  if (pod.labels[POD_ID_LABEL] === undefined) {
    return 'the pod has no id label, so no policy can select it alone';
  }
  const selecting = policies.filter((object) => matchesSelector(podSelectorOf(object), pod.labels));
  const open = selecting.find((object) => !deniesAll(object));
  if (open !== undefined) {
    return `${open.kind} ${open.metadata.name} still selects the pod`;
  }
  return selecting.length === 0 ? 'no policy of Bulkhead in the API server selects the pod' : undefined;
}

/** By what the policy says, not only by its label, which somebody may have changed. */
function deniesAll({ kind, metadata, spec }: PolicyObject): boolean {
  if (metadata.labels?.[ROLE_LABEL] === 'sandbox') {
    return false;
  }
  return kind === 'NetworkPolicy' ? isEmpty(spec['egress']) && isEmpty(spec['ingress']) : !isEmpty(spec['egressDeny']);
}

function isEmpty(rules: unknown): boolean {
  return !Array.isArray(rules) || rules.length === 0;
}

function fail(pass: Pass, draft: IncidentDraft, why: string): void {
  const isOld = draft.status.phase === 'ContainmentFailed';
  const retryMs = isOld ? LATER_MS : RETRY_MS;
  pass.requeueAfterMs = Math.min(pass.requeueAfterMs ?? retryMs, retryMs);
  if (isOld) {
    return;
  }
  draft.status = noted({ ...draft.status, phase: 'ContainmentFailed' }, pass.ports.clock.now(), 'bulkhead', why);
  pass.ports.reporter.report(reference(draft.incident), {
    type: 'Warning',
    reason: 'ContainmentFailed',
    message: `Pod ${draft.incident.spec.pod.name} is not cut off: ${why}`,
  });
}

/** A failed containment is tried again soon: the cause may be a write that is on its way. */
const RETRY_MS = 2000;
const LATER_MS = 30_000;
