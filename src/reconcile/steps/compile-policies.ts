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

/**
 * Ids of the pods that are cut off: those the live pods carry, and those of records whose pod is not seen just now. A
 * governed pod that another sandbox's incident holds is among them: its quarantine outlives its change of sandbox.
 */
export function heldIds(pass: Pass): string[] {
  const held = pass.incidents
    .filter((draft) => draft.holds)
    .map((draft) => draft.pod?.labels[POD_ID_LABEL] ?? draft.incident.spec.pod.id);
  const elsewhere = pass.pods.filter((pod) => pass.heldElsewhere.has(pod.uid)).map((pod) => pod.labels[POD_ID_LABEL]);
  const ids = [...held, ...elsewhere].filter((id) => id !== undefined && id !== '');
  return [...new Set(ids as string[])].sort((a, b) => (a < b ? -1 : 1));
}
