/**
 * Whether a label selector takes an object, as Kubernetes decides it.
 */
import type { LabelSelector } from './types.ts';

type Requirement = NonNullable<LabelSelector['matchExpressions']>[number];

/**
 * @param selector - undefined takes nothing, an empty one takes everything, as in metav1.LabelSelectorAsSelector.
 * @example
 * matchesSelector({ matchLabels: { app: 'agent' } }, { app: 'agent', tier: 'gpu' }) // true
 */
export function matchesSelector(
  selector: LabelSelector | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  if (selector === undefined) {
    return false;
  }
  const have = labels ?? {};
  const valueOf = (key: string) => (Object.hasOwn(have, key) ? have[key] : undefined);
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => valueOf(key) === value) &&
    (selector.matchExpressions ?? []).every((requirement) => holds(requirement, valueOf(requirement.key)))
  );
}

function holds({ operator, values = [] }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    // A label that is not there is in no list: NotIn takes such objects too.
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
