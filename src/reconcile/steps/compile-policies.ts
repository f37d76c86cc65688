/**
 * Compiles the policies of the sandbox with the pods that are held taken out.
 */
import { POD_ID_LABEL } from '../../api/v1alpha1/labels.ts';
import { compilePolicy } from '../../policy/compile.ts';
import type { Pass } from '../pass.ts';

export async function compilePolicies(pass: Pass): Promise<void> {
  pass.plan = compilePolicy(
    {
      namespace: pass.namespace,
      name: pass.name,
      uid: pass.sandbox?.metadata.uid,
      spec: pass.sandbox?.spec,
      quarantined: heldIds(pass),
    },
    pass.ports.world.facts(pass.sandbox),
  );
  for (const gap of pass.plan.gaps) {
    pass.problems.push({ reason: gap.reason, message: `${gap.field}: ${gap.message}` });
  }
}

/** Ids of the pods that are cut off: those the live pods carry, and those of records whose pod is not seen just now. */
export function heldIds(pass: Pass): string[] {
  const ids = new Set<string>();
  for (const draft of pass.incidents) {
    const id = draft.pod?.labels[POD_ID_LABEL] ?? draft.incident.spec.pod.id;
    if (draft.holds && id !== undefined) {
      ids.add(id);
    }
  }
  return [...ids].sort();
}
