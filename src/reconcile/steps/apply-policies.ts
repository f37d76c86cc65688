/**
 * Writes the policies in the plan's own order, denies first, and then removes what the plan no longer has.
 */
import type { PolicyObject } from '../../policy/plan.ts';
import { noted, type Pass, reference } from '../pass.ts';

export async function applyPolicies(pass: Pass): Promise<void> {
  const changed: string[] = [];
  for (const object of pass.plan.objects) {
    const result = await pass.ports.policies.apply(object);
    pass.applied.push(object);
    if (result.changed) {
      changed.push(`${object.kind}/${object.metadata.name}`);
    }
  }
  const appliedAt = pass.ports.clock.now();
  noteContainment(pass, appliedAt);
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
  for (const object of pass.ports.policies.list(pass.namespace, pass.name)) {
    if (!wanted.has(idOf(object))) {
      await pass.ports.policies.remove(object);
    }
  }
}

/** Names a policy among all policies of a namespace. */
export function idOf(object: PolicyObject): string {
  return `${object.apiVersion}/${object.kind}/${object.metadata.name}`;
}

function noteContainment(pass: Pass, appliedAt: Date): void {
  const quarantines = pass.plan.objects.filter(
    (object) => object.metadata.labels?.['bulkhead.dev/role'] === 'quarantine',
  );
  for (const draft of pass.incidents) {
    if (!draft.holds || draft.status.quarantine?.appliedAt !== undefined || quarantines.length === 0) {
      continue;
    }
    const policies = quarantines.map((object) => `${object.kind}/${object.metadata.name}`);
    const engine = quarantines.some((object) => object.kind === 'CiliumNetworkPolicy') ? 'Cilium' : 'NetworkPolicy';
    draft.status = noted(
      { ...draft.status, quarantine: { engine, policies, appliedAt: appliedAt.toISOString(), breaches: 0 } },
      appliedAt,
      'bulkhead',
      `Quarantine accepted by the API server: ${policies.join(', ')}`,
    );
  }
}
