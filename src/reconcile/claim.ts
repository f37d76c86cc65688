/**
 * Which sandbox governs which pod.
 *
 * A pod stays in the sandbox that stamped it for as long as that sandbox exists: a selector that is edited to match less
 * frees nobody by accident. A pod that nobody stamped goes to the oldest sandbox that selects it, so that a second
 * sandbox which selects the same pods takes none away.
 */
import { SANDBOX_LABEL } from '../api/v1alpha1/labels.ts';
import { matchesSelector } from '../api/v1alpha1/selector.ts';
import type { AgentSandbox } from '../api/v1alpha1/types.ts';
import type { PodView } from './ports.ts';

export interface Claim {
  /** Pods this sandbox governs. */
  pods: PodView[];
  /** Other sandboxes whose selector takes some of the same pods. */
  overlaps: string[];
  /** Pods the selector itself matches, stamped or not. */
  matched: number;
}

/**
 * @param rivals - every sandbox of the namespace, this one included.
 */
export function claimPods(sandbox: AgentSandbox, rivals: readonly AgentSandbox[], pods: readonly PodView[]): Claim {
  const own = sandbox.metadata.name;
  const names = new Set(rivals.map((rival) => rival.metadata.name));
  const claim: Claim = { pods: [], overlaps: [], matched: 0 };
  const overlaps = new Set<string>();
  for (const pod of pods) {
    const stamp = pod.labels[SANDBOX_LABEL];
    const governor = stamp !== undefined && names.has(stamp) ? stamp : undefined;
    // Most pods of a busy namespace are somebody else's: one look, without asking every rival.
    const selecting = selects(sandbox, pod) ? rivals.filter((rival) => selects(rival, pod)).sort(byAge) : [];
    claim.matched += selecting.length > 0 ? 1 : 0;
    for (const rival of selecting) {
      overlaps.add(rival.metadata.name);
    }
    if ((governor ?? selecting[0]?.metadata.name) === own) {
      claim.pods.push(pod);
    }
  }
  overlaps.delete(own);
  claim.overlaps = [...overlaps].sort();
  return claim;
}

/** Whether the selector takes the pod, whoever governs it. */
export function selects(sandbox: AgentSandbox, pod: PodView): boolean {
  const { podSelector } = sandbox.spec.selector;
  return podSelector !== undefined && matchesSelector(podSelector, pod.labels);
}

function byAge(a: AgentSandbox, b: AgentSandbox): number {
  const older = (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '');
  return older === 0 ? a.metadata.name.localeCompare(b.metadata.name) : older;
}
