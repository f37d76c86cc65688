/**
 * Deletes pods that are cut off and need not be kept as evidence (`response.quarantine.keepPod: false`).
 * Only after containment is verified: a pod that is deleted first is replaced by its controller and proves nothing.
 */
import { noted, type Pass } from '../pass.ts';

export async function endPods(pass: Pass): Promise<void> {
  if (pass.sandbox?.spec.response.quarantine.keepPod !== false) {
    return;
  }
  for (const draft of pass.incidents) {
    if (draft.holds && draft.status.phase === 'Contained' && draft.pod !== undefined && !draft.pod.terminating) {
      await pass.ports.pods.remove(draft.pod);
      draft.status = noted(draft.status, pass.now, 'bulkhead', `Deleted pod ${draft.pod.name}: keepPod is false`);
    }
  }
}
