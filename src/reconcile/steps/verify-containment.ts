/**
 * Reads policies back from the API server and says of every held pod whether it is really cut off there.
 *
 * Accepting a write is not proof: somebody may have changed the object since. A pod counts as contained when a
 * quarantine policy in the API server names its id and no allow policy of the sandbox selects it any more.
 */
import { POD_ID_LABEL, ROLE_LABEL } from '../../api/v1alpha1/labels.ts';
import { matchesSelector } from '../../api/v1alpha1/selector.ts';
import type { LabelSelector } from '../../api/v1alpha1/types.ts';
import type { PolicyObject } from '../../policy/plan.ts';
import { type IncidentDraft, noted, type Pass, reference } from '../pass.ts';

export async function verifyContainment(pass: Pass): Promise<void> {
  const held = pass.incidents.filter((draft) => draft.holds);
  if (held.length === 0) {
    return;
  }
  if (held.every((draft) => draft.status.phase === 'Contained')) {
    return;
  }
  const live: PolicyObject[] = [];
  for (const object of pass.plan.objects) {
    const read = await pass.ports.policies.read(object);
    if (read !== undefined) {
      live.push(read);
    }
  }
  for (const draft of held) {
    judge(pass, draft, live);
  }
}

function judge(pass: Pass, draft: IncidentDraft, live: readonly PolicyObject[]): void {
  const failure = draft.pod === undefined ? undefined : whyNotContained(draft.pod, live);
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

function whyNotContained(pod: NonNullable<IncidentDraft['pod']>, live: readonly PolicyObject[]): string | undefined {
  if (pod.hostNetwork) {
    return 'the pod is on the host network, where no policy reaches it; delete it or its owner';
  }
  if (pod.labels[POD_ID_LABEL] === undefined) {
    return 'the pod has no id label, so no policy can select it alone';
  }
  const selecting = live.filter((object) => matchesSelector(selectorOf(object), pod.labels));
  if (!selecting.some((object) => object.metadata.labels?.[ROLE_LABEL] === 'quarantine')) {
    return 'no quarantine policy in the API server selects the pod';
  }
  const open = selecting.find((object) => object.metadata.labels?.[ROLE_LABEL] === 'sandbox');
  return open === undefined ? undefined : `${open.kind} ${open.metadata.name} still selects the pod`;
}

/** The pod selector of a policy of any kind the compiler writes. */
function selectorOf(object: PolicyObject): LabelSelector {
  const selector = object.spec['podSelector'] ?? object.spec['endpointSelector'];
  return selector ?? NOTHING;
}

/** Selects no pod: a policy without a selector must not count as one that cuts. */
const NOTHING: LabelSelector = { matchExpressions: [{ key: POD_ID_LABEL, operator: 'In', values: [] }] };

function fail(pass: Pass, draft: IncidentDraft, why: string): void {
  pass.requeueAfterMs = Math.min(pass.requeueAfterMs ?? RETRY_MS, RETRY_MS);
  if (draft.status.phase === 'ContainmentFailed') {
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
