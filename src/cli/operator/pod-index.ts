/**
 * Tells detection which ends of a flow are watched pods: by namespace and name, from the stores, never by labels in the
 * flow, which a remote node or an older identity may have wrong.
 */
import { SANDBOX_LABEL } from '../../api/v1alpha1/labels.ts';
import type { AgentSandbox } from '../../api/v1alpha1/types.ts';
import type { ResolvePod, WatchedPod, WatchedSandbox } from '../../detect/watch.ts';
import type { WorldStores } from '../../kube/world.ts';
import type { PodView } from '../../reconcile/ports.ts';

/** Asked twice for every flow: two map lookups, and nothing is built anew while pod and sandbox stay as they are. */
export function createPodIndex({ pods, sandboxes }: Pick<WorldStores, 'pods' | 'sandboxes'>): ResolvePod {
  const watchedSandboxes = new WeakMap<AgentSandbox, WatchedSandbox>();
  const watchedPods = new WeakMap<PodView, WatchedPod>();

  const watchedSandbox = (sandbox: AgentSandbox): WatchedSandbox => {
    const known = watchedSandboxes.get(sandbox) ?? describeSandbox(sandbox);
    watchedSandboxes.set(sandbox, known);
    return known;
  };
  return ({ namespace, podName }) => {
    const pod = podName === '' ? undefined : pods.get(namespace, podName);
    const name = pod?.labels[SANDBOX_LABEL];
    const sandbox = name === undefined ? undefined : sandboxes.get(namespace, name);
    if (pod === undefined || sandbox === undefined) {
      return undefined;
    }
    const settings = watchedSandbox(sandbox);
    const known = watchedPods.get(pod);
    if (known !== undefined && known.sandbox === settings) {
      return known;
    }
    const watched = describePod(pod, settings);
    watchedPods.set(pod, watched);
    return watched;
  };
}

function describeSandbox({ metadata, spec }: AgentSandbox): WatchedSandbox {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    detection: spec.detection,
    egress: spec.egress,
    serviceAccountToken: spec.admission.serviceAccountToken,
  };
}

function describePod(pod: PodView, sandbox: WatchedSandbox): WatchedPod {
  const startedMs = pod.startTime === undefined ? Number.NaN : Date.parse(pod.startTime);
  return {
    key: pod.uid,
    namespace: pod.namespace,
    name: pod.name,
    uid: pod.uid,
    owner: pod.owner === undefined ? `Pod/${pod.name}` : `${pod.owner.kind}/${pod.owner.name}`,
    startedMs: Number.isNaN(startedMs) ? undefined : startedMs,
    sandbox,
  };
}
