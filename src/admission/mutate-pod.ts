/**
 * What Bulkhead writes into a pod before anybody judges it: its own labels, and the safe value where the author chose none.
 *
 * A safe default never overrides a choice: a pod that asks for something else keeps it, and is refused by `review-pod.ts`.
 * The labels are the exception: whatever the request carried, a pod gets the name of its sandbox and an id of its own.
 */
import type { JsonPatchOp } from '../api/admission-review.ts';
import { POD_ID_LABEL, PROTECTED_POD_LABELS, QUARANTINE_LABEL, SANDBOX_LABEL } from '../api/v1alpha1/labels.ts';
import type { AgentSandbox } from '../api/v1alpha1/types.ts';
import { applyPatch, pointer, setFields } from './json-patch.ts';
import { at, fields, isAbsent, items, type Place, Unjudgeable } from './place.ts';

/**
 * The patch for a new pod of this sandbox. In mode Observe it holds the labels alone, since nothing else may change there.
 * What cannot be read is left as it is; the review refuses it.
 *
 * @param newPodId - never used before; see POD_ID_LABEL.
 */
export function mutatePod(pod: unknown, sandbox: AgentSandbox, newPodId: string): { patch: JsonPatchOp[] } {
  const labels = { [SANDBOX_LABEL]: sandbox.metadata.name, [POD_ID_LABEL]: newPodId };
  const stamp = inTurn(pod, [
    (given) => removeLabels(given, [QUARANTINE_LABEL]),
    (given) => set(given, ['metadata', 'labels'], labels),
  ]);
  return { patch: sandbox.spec.mode === 'Observe' ? stamp : [...stamp, ...hardenPod(applyPatch(pod, stamp), sandbox)] };
}

/** The safe defaults alone: the pod as mode Enforce would judge it. */
export function hardenPod(pod: unknown, { spec }: AgentSandbox): JsonPatchOp[] {
  const { admission, egress } = spec;
  const [runtimeClassName] = admission.runtimeClassNames;
  const steps: Step[] = [(given) => setUnset(given, ['spec', 'securityContext'], 'seccompProfile', RUNTIME_DEFAULT)];
  if (admission.serviceAccountToken === 'Denied') {
    steps.push((given) => set(given, ['spec'], { automountServiceAccountToken: false }), removeTokenVolumes);
  }
  if (runtimeClassName !== undefined) {
    steps.push((given) => setUnset(given, ['spec'], 'runtimeClassName', runtimeClassName));
  }
  if (egress.bandwidth !== undefined) {
    const { bandwidth } = egress;
    steps.push((given) => set(given, ['metadata', 'annotations'], { [BANDWIDTH_ANNOTATION]: bandwidth }));
  }
  return inTurn(pod, steps);
}

/** Takes labels of ours off a pod that no sandbox governs. */
export function removeLabels(pod: unknown, labels: readonly string[] = PROTECTED_POD_LABELS): JsonPatchOp[] {
  return readable(() => {
    const place = at({ path: '', value: pod }, 'metadata', 'labels');
    return labels
      .filter((label) => at(place, label).value !== undefined)
      .map((label): JsonPatchOp => ({ op: 'remove', path: pointer('metadata', 'labels', label) }));
  });
}

type Step = (pod: unknown) => JsonPatchOp[];

/** Each step sees what the ones before it made; one that meets something unreadable changes nothing. */
function inTurn(pod: unknown, steps: readonly Step[]): JsonPatchOp[] {
  let current = pod;
  return steps.flatMap((step) => {
    const patch = readable(() => step(current));
    current = applyPatch(current, patch);
    return patch;
  });
}

function set(pod: unknown, path: readonly string[], entries: Readonly<Record<string, unknown>>): JsonPatchOp[] {
  // Reading the fields throws when something else than an object stands there.
  fields(at({ path: '', value: pod }, ...path));
  return pod === undefined || pod === null ? [] : setFields(pod, path, entries);
}

function setUnset(pod: unknown, path: readonly string[], key: string, value: unknown): JsonPatchOp[] {
  return isAbsent(at({ path: '', value: pod }, ...path, key)) ? set(pod, path, { [key]: value }) : [];
}

/**
 * The API server's own ServiceAccount step runs before any webhook and has mounted the token by now; switching automount off
 * does not take it out again.
 */
function removeTokenVolumes(pod: unknown): JsonPatchOp[] {
  const spec = at({ path: '', value: pod }, 'spec');
  const volumes = items(at(spec, 'volumes'));
  const names = new Set(volumes.filter(isTokenVolume).map((volume) => at(volume, 'name').value));
  const isIts = (place: Place) => names.has(at(place, 'name').value);
  const mounts = ['containers', 'initContainers'].flatMap((kind) =>
    items(at(spec, kind)).flatMap((container, index) =>
      removals(items(at(container, 'volumeMounts')), isIts, ['spec', kind, index, 'volumeMounts']),
    ),
  );
  return [...mounts, ...removals(volumes, isIts, ['spec', 'volumes'])];
}

function isTokenVolume(volume: Place): boolean {
  return (
    String(at(volume, 'name').value).startsWith(INJECTED_VOLUME_PREFIX) &&
    items(at(volume, 'projected', 'sources')).some((source) => !isAbsent(at(source, 'serviceAccountToken')))
  );
}

/** Last first, so that the indexes of the others stay true. */
function removals(
  list: readonly Place[],
  unwanted: (place: Place) => boolean,
  path: readonly (string | number)[],
): JsonPatchOp[] {
  return list
    .map((place, index): JsonPatchOp | undefined =>
      unwanted(place) ? { op: 'remove', path: pointer(...path, index) } : undefined,
    )
    .filter((op) => op !== undefined)
    .toReversed();
}

function readable(step: () => JsonPatchOp[]): JsonPatchOp[] {
  try {
    return step();
  } catch (error) {
    if (error instanceof Unjudgeable) {
      return [];
    }
    throw error;
  }
}

const RUNTIME_DEFAULT = { type: 'RuntimeDefault' };

/** Name of the volume that the API server's ServiceAccount step injects: this and five random characters. */
const INJECTED_VOLUME_PREFIX = 'kube-api-access-';

/** Read by the bandwidth CNI plugin and by Cilium's bandwidth manager. */
const BANDWIDTH_ANNOTATION = 'kubernetes.io/egress-bandwidth';
