/**
 * Gives every governed pod the labels that policies select, where admission did not: pods from before the sandbox, or
 * admitted while Bulkhead was down. Two pods never keep one id; the younger gets a new one.
 */
import { POD_ID_LABEL, SANDBOX_LABEL } from '../../api/v1alpha1/labels.ts';
import { attempt, type Pass, withLabels } from '../pass.ts';
import type { PodView } from '../ports.ts';

export async function stampPods(pass: Pass): Promise<void> {
  const heldPods = new Set(pass.incidents.map((draft) => draft.pod?.uid));
  const governed = new Set(pass.pods.map((pod) => pod.uid));
  const strangers = pass.allPods.filter((pod) => heldPods.has(pod.uid) && !governed.has(pod.uid));
  const owners = idOwners(pass.allPods);
  const stamped = new Map<string, PodView>();
  for (const pod of [...pass.pods, ...strangers]) {
    const labels: Record<string, string> = {};
    if (governed.has(pod.uid) && pod.labels[SANDBOX_LABEL] !== pass.name) {
      labels[SANDBOX_LABEL] = pass.name;
    }
    const id = pod.labels[POD_ID_LABEL];
    if (id === undefined || id === '' || owners.get(id) !== pod.uid) {
      labels[POD_ID_LABEL] = pass.ports.newPodId();
    }
    // A pod that is being deleted may take a day over it, and talk all the while.
    if (Object.keys(labels).length > 0) {
      await attempt(pass, async () => {
        await pass.ports.pods.label(pod, labels);
        stamped.set(pod.uid, withLabels(pod, labels));
      });
    }
  }
  const current = (pod: PodView): PodView => stamped.get(pod.uid) ?? pod;
  pass.pods = pass.pods.map(current);
  pass.incidents = pass.incidents.map((draft) =>
    draft.pod === undefined ? draft : { ...draft, pod: current(draft.pod) },
  );
}

/** For every id, the UID of the oldest pod that carries it. */
function idOwners(pods: readonly PodView[]): Map<string, string> {
  const owners = new Map<string, PodView>();
  for (const pod of pods) {
    const id = pod.labels[POD_ID_LABEL];
    const owner = id === undefined ? undefined : owners.get(id);
    if (id !== undefined && (owner === undefined || isOlder(pod, owner))) {
      owners.set(id, pod);
    }
  }
  return new Map([...owners].map(([id, pod]) => [id, pod.uid]));
}

function isOlder(a: PodView, b: PodView): boolean {
  return a.creationTimestamp === b.creationTimestamp ? a.uid < b.uid : a.creationTimestamp < b.creationTimestamp;
}
