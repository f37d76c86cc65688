/**
 * Conditions as Kubernetes tools expect them (metav1.Condition and kstatus).
 *
 * `Ready` is always there. `Reconciling` and `Stalled` are there only while they are True: kubectl wait, Flux and Argo CD
 * read their mere absence as "settled", so a False one would be noise and a stale True one would block a rollout.
 * The words a condition may carry are in reasons.ts; what is true is decided in reconcile/.
 */
import type { Condition } from './types.ts';

/** Every condition type, with what its being True means. */
export const CONDITION_TYPES = {
  Ready: 'The object is in force as its spec says, for the generation it names.',
  Reconciling: 'Work is going on or being tried again. There only while True.',
  Stalled: 'Nothing more happens until somebody changes the object or the cluster. There only while True.',
  PolicyEnforced: 'Policies that select the pods are in the API server and nothing known stands against them.',
  DetectionCovered: 'The flows of the pods are seen, without known loss.',
  Tripped: 'The circuit breaker has put the sandbox into Lockdown. Not set by this version.',
} as const;

export type ConditionType = keyof typeof CONDITION_TYPES;

/** What a caller says; the time is added here. */
export type ConditionUpdate = Omit<Condition, 'lastTransitionTime'>;

/**
 * A copy of the list with one condition set. `lastTransitionTime` is kept while the status stays the same, as
 * apimachinery's meta.SetStatusCondition does, so that a message may change without looking like an event.
 *
 * @param now - when this is observed.
 * @example
 * setCondition([], { type: 'Ready', status: 'True', reason: 'Reconciled', message: 'ok' }, new Date(0))
 */
export function setCondition(list: readonly Condition[], update: ConditionUpdate, now: Date): Condition[] {
  const before = list.find((condition) => condition.type === update.type);
  const unchanged = before !== undefined && before.status === update.status;
  const condition: Condition = {
    ...update,
    message: update.message.slice(0, MAX_MESSAGE),
    // metav1.Time has whole seconds; a fraction would be dropped by the next writer in Go and look like a change.
    lastTransitionTime: unchanged ? before.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`,
  };
  return before === undefined
    ? [...list, condition]
    : list.map((existing) => (existing.type === update.type ? condition : existing));
}

/** As the schema bounds it, and metav1.Condition too. */
const MAX_MESSAGE = 32768;
