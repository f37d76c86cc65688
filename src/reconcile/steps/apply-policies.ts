/**
 * Writes the policies in the plan's own order, denies first, and then removes what the plan no longer has.
 */

import { POD_ID_LABEL, ROLE_LABEL, SANDBOX_LABEL } from '../../api/v1alpha1/labels.ts';
import { matchesSelector } from '../../api/v1alpha1/selector.ts';
import { isPolicyNameOf } from '../../policy/names.ts';
import type { PolicyObject } from '../../policy/plan.ts';
import { podSelectorOf } from '../../policy/selectors.ts';
import { attempt, type IncidentDraft, noted, type Pass, reference } from '../pass.ts';

export async function applyPolicies(pass: Pass): Promise<void> {
  const changed: string[] = [];
  for (const object of pass.plan.objects) {
    // One that cannot be written, such as a name that somebody else has taken, must not keep back the ones after it: the
    // allow list without the pods that are held is among them.
    const result = await attempt(pass, () => pass.ports.policies.apply(object));
    if (result !== undefined) {
      pass.applied.push(object);
    }
    if (result?.changed === true) {
      changed.push(`${object.kind}/${object.metadata.name}`);
    }
  }
  noteContainment(pass, pass.ports.clock.now());
  if (changed.length > 0 && pass.sandbox !== undefined) {
    pass.ports.reporter.report(reference(pass.sandbox), {
      type: 'Normal',
      reason: 'PolicyApplied',
      message: `Wrote ${changed.join(', ')}`,
    });
  }
}

export async function removeOrphans(pass: Pass): Promise<void> {
  const wanted = new Set(pass.plan.objects.map(idOf));
  for (const object of pass.ports.policies.list(pass.namespace)) {
    const { name, labels } = object.metadata;
    // By label and by name: somebody who moves the label of another sandbox's policy must not make us delete it.
    const isOurs = labels?.[SANDBOX_LABEL] === pass.name && isPolicyNameOf(pass.name, name);
    if (isOurs && !wanted.has(idOf(object))) {
      await attempt(pass, () => pass.ports.policies.remove(object));
    }
  }
}

/** Names a policy among all policies of a namespace. */
export function idOf(object: PolicyObject): string {
  return `${object.apiVersion}/${object.kind}/${object.metadata.name}`;
}

/** Records, for every held pod, the quarantine policies that name it. */
function noteContainment(pass: Pass, appliedAt: Date): void {
  for (const draft of pass.incidents) {
    if (!draft.holds || draft.status.quarantine?.appliedAt !== undefined) {
      continue;
    }
    const naming = pass.applied.filter((object) => isQuarantineOf(object, draft));
    if (naming.length === 0) {
      continue;
    }
    const policies = naming.map((object) => `${object.kind}/${object.metadata.name}`);
    const engine = naming.some((object) => object.kind === 'CiliumNetworkPolicy') ? 'Cilium' : 'NetworkPolicy';
    draft.status = noted(
      { ...draft.status, quarantine: { engine, policies, appliedAt: appliedAt.toISOString(), breaches: 0 } },
      appliedAt,
      'bulkhead',
      `Quarantine accepted by the API server: ${policies.join(', ')}`,
    );
  }
}

function isQuarantineOf(object: PolicyObject, { pod, incident }: IncidentDraft): boolean {
  const labels = pod?.labels ?? { [POD_ID_LABEL]: incident.spec.pod.id ?? '' };
  return object.metadata.labels?.[ROLE_LABEL] === 'quarantine' && matchesSelector(podSelectorOf(object), labels);
}
