/**
 * Tells a replay which ends of a flow are watched pods: by namespace and by the labels inside the flows, since there is no
 * cluster to ask.
 *
 * A pod belongs to the first sandbox, in the order given, whose selector takes it or whose name it carries in the label
 * that Bulkhead puts on pods. Who once belonged goes on to belong: flows at the start and end of a pod carry no labels.
 */
import { SANDBOX_LABEL } from '../../api/v1alpha1/labels.ts';
import { matchesSelector } from '../../api/v1alpha1/selector.ts';
import type { AgentSandbox } from '../../api/v1alpha1/types.ts';
import type { ResolvePod, WatchedPod, WatchedSandbox } from '../../detect/watch.ts';
import type { FlowEndpoint } from '../../flows/flow.ts';

export interface ReplayPods {
  resolve: ResolvePod;
  /** Pods that belong to a sandbox. */
  matched(): readonly WatchedPod[];
  /** Pods that belong to none, as namespace/name; at most a few, for messages. */
  unmatched(): readonly string[];
  /** Pods that more than one sandbox selects, with the names of the sandboxes. */
  contested(): ReadonlyMap<string, readonly string[]>;
}

export function createReplayPods(sandboxes: readonly AgentSandbox[]): ReplayPods {
  const watched = sandboxes.map((sandbox) => ({ sandbox, settings: describe(sandbox) }));
  const known = new Map<string, { labels: string; pod: WatchedPod | undefined }>();
  const unmatched = new Set<string>();
  const contested = new Map<string, readonly string[]>();

  function match(endpoint: FlowEndpoint, key: string): WatchedPod | undefined {
    const labels = kubernetesLabels(endpoint.labels);
    const takers = watched.filter(({ sandbox }) => isTaken(endpoint, labels, sandbox));
    const [first, ...others] = takers;
    if (first === undefined) {
      return undefined;
    }
    if (others.length > 0) {
      contested.set(
        key,
        takers.map(({ sandbox }) => sandbox.metadata.name),
      );
    }
    const { namespace, podName: name, workload } = endpoint;
    const owner = workload === undefined ? `Pod/${name}` : `${workload.kind}/${workload.name}`;
    return { key, namespace, name, uid: '', owner, startedMs: undefined, sandbox: first.settings };
  }

  function resolve(endpoint: FlowEndpoint): WatchedPod | undefined {
    if (endpoint.podName === '') {
      return undefined;
    }
    const key = `${endpoint.namespace}/${endpoint.podName}`;
    const labels = endpoint.labels.join();
    const before = known.get(key);
    if (before !== undefined && (before.pod !== undefined || before.labels === labels)) {
      return before.pod;
    }
    const pod = match(endpoint, key);
    known.set(key, { labels, pod });
    if (pod !== undefined) {
      unmatched.delete(key);
    } else if (unmatched.size < MAX_UNMATCHED) {
      unmatched.add(key);
    }
    return pod;
  }

  return {
    resolve,
    matched: () => [...known.values()].flatMap(({ pod }) => (pod === undefined ? [] : [pod])),
    unmatched: () => [...unmatched],
    contested: () => contested,
  };
}

/** Whether a selector can be decided from flows alone: they name the workload of a pod, not what owns that. */
export function isMatchable({ spec }: AgentSandbox): boolean {
  const { targetRef } = spec.selector;
  return targetRef === undefined || WORKLOAD_GROUPS.has(targetRef.group);
}

function isTaken(
  { namespace, workload }: FlowEndpoint,
  labels: Readonly<Record<string, string>>,
  { metadata, spec }: AgentSandbox,
): boolean {
  if (metadata.namespace !== undefined && metadata.namespace !== namespace) {
    return false;
  }
  const { podSelector, targetRef } = spec.selector;
  const isOwned =
    targetRef !== undefined &&
    WORKLOAD_GROUPS.has(targetRef.group) &&
    workload?.kind === targetRef.kind &&
    workload.name === targetRef.name;
  return labels[SANDBOX_LABEL] === metadata.name || isOwned || matchesSelector(podSelector, labels);
}

/** Labels as Kubernetes has them: `k8s:app=agent` is `app: agent`; those of other sources say nothing about pods. */
function kubernetesLabels(labels: readonly string[]): Record<string, string> {
  const result: Record<string, string> = Object.create(null);
  for (const label of labels) {
    if (label.startsWith(SOURCE)) {
      const equals = label.indexOf('=');
      const end = equals < 0 ? label.length : equals;
      result[label.slice(SOURCE.length, end)] = label.slice(end + 1);
    }
  }
  return result;
}

function describe({ metadata, spec }: AgentSandbox): WatchedSandbox {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    detection: spec.detection,
    egress: spec.egress,
    serviceAccountToken: spec.admission.serviceAccountToken,
  };
}

const SOURCE = 'k8s:';
const WORKLOAD_GROUPS: ReadonlySet<string> = new Set(['apps', 'batch']);
const MAX_UNMATCHED = 50;
