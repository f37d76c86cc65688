/**
 * Label selectors: which pods a policy is for, and which pods a peer means, for both engines.
 */
import { POD_ID_LABEL, SANDBOX_LABEL } from '../api/v1alpha1/labels.ts';
import type { LabelSelector } from '../api/v1alpha1/types.ts';
import type { PolicyObject } from './plan.ts';

/** Pods by namespace and label, as NetworkPolicy has it. */
export interface PodPeer {
  namespaceSelector?: LabelSelector;
  podSelector?: LabelSelector;
}

/** Every pod of the sandbox. Only the label that Bulkhead stamps counts: users can set all others. */
export function sandboxPods(sandbox: string): LabelSelector {
  return { matchLabels: { [SANDBOX_LABEL]: sandbox } };
}

/** Pods of the sandbox that are not cut off. `ids` are sorted. */
export function freePods(sandbox: string, ids: readonly string[]): LabelSelector {
  if (ids.length === 0) {
    return sandboxPods(sandbox);
  }
  return {
    matchExpressions: [{ key: POD_ID_LABEL, operator: 'NotIn', values: [...ids] }],
    matchLabels: { [SANDBOX_LABEL]: sandbox },
  };
}

/** Pods by their own id. `ids` are sorted. */
export function podsById(ids: readonly string[]): LabelSelector {
  return { matchExpressions: [{ key: POD_ID_LABEL, operator: 'In', values: [...ids] }] };
}

/** The same selector in one spelling: sorted, without doubles, without empty parts. */
export function canonicalSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): LabelSelector {
  const requirements = matchExpressions.map(({ key, operator, values }) => ({
    key,
    operator,
    ...(values === undefined || values.length === 0 ? {} : { values: [...new Set(values)].sort() }),
  }));
  return {
    ...(requirements.length === 0 ? {} : { matchExpressions: sortedUnique(requirements) }),
    ...(Object.keys(matchLabels).length === 0 ? {} : { matchLabels: sortedRecord(matchLabels) }),
  };
}

export function canonicalPeer({ namespaceSelector, podSelector }: PodPeer): PodPeer {
  return {
    ...(namespaceSelector === undefined ? {} : { namespaceSelector: canonicalSelector(namespaceSelector) }),
    ...(podSelector === undefined ? {} : { podSelector: canonicalSelector(podSelector) }),
  };
}

/**
 * The same pods as a Cilium endpoint selector, translated as Cilium itself translates the peers of a NetworkPolicy
 * (pkg/k8s/network_policy.go): labels of a pod get the source `k8s:`, labels of its namespace a prefix of their own.
 */
export function endpointSelector({ namespaceSelector, podSelector }: PodPeer, ownNamespace: string): LabelSelector {
  const pods = withKeys(podSelector ?? {}, (key) => `k8s:${key}`);
  const namespaces: LabelSelector =
    namespaceSelector === undefined
      ? { matchLabels: { [POD_NAMESPACE]: ownNamespace } }
      : withKeys(namespaceSelector, namespaceKey);
  const everywhere = namespaces.matchLabels === undefined && namespaces.matchExpressions === undefined;
  return canonicalSelector({
    matchLabels: { ...pods.matchLabels, ...namespaces.matchLabels },
    matchExpressions: [
      ...(pods.matchExpressions ?? []),
      ...(namespaces.matchExpressions ?? []),
      ...(everywhere ? [{ key: POD_NAMESPACE, operator: 'Exists' as const }] : []),
    ],
  });
}

/** Sorted by their JSON, each once; the items are canonical already. */
export function sortedUnique<T>(items: readonly T[]): T[] {
  const byText = new Map(items.map((item) => [JSON.stringify(item), item]));
  return [...byText.keys()].sort().map((text) => byText.get(text) as T);
}

function withKeys(selector: LabelSelector, rename: (key: string) => string): LabelSelector {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return canonicalSelector({
    matchLabels: Object.fromEntries(Object.entries(matchLabels).map(([key, value]) => [rename(key), value])),
    matchExpressions: matchExpressions.map((requirement) => ({ ...requirement, key: rename(requirement.key) })),
  });
}

/** The name of a namespace is on every endpoint; its other labels are only there if the cluster lets them through. */
function namespaceKey(key: string): string {
  return key === NAMESPACE_NAME_LABEL ? POD_NAMESPACE : `k8s:io.cilium.k8s.namespace.labels.${key}`;
}

function sortedRecord(record: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Label of a namespace that holds its name; the API server sets it on every namespace and lets nobody change it. */
export const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';
/** How Cilium labels an endpoint with the namespace it is in. */
export const POD_NAMESPACE = 'k8s:io.kubernetes.pod.namespace';

/** The pods a generated policy selects, whichever kind it is of; none when it says nothing of pods. */
export function podSelectorOf(policy: PolicyObject): LabelSelector | undefined {
  return (policy.spec['podSelector'] ?? policy.spec['endpointSelector']) as LabelSelector | undefined;
}
