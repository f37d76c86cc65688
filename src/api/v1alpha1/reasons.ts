/**
 * The reasons that conditions carry, each with one sentence. They are stable API: people alert on them, so a reason is
 * added but never given another meaning.
 *
 * Words an API server answers with (Forbidden, Conflict, …) pass through unchanged and are not listed.
 */
import type { ConditionType } from './conditions.ts';

/** Reasons by the condition they belong to. `Reconciling` and `Stalled` repeat the reason of `Ready`. */
export const REASONS = {
  Ready: {
    Reconciled: 'Everything the spec asks for, and this version can do, is in the API server.',
    ProgressingWithRetry: 'Something failed that may pass by itself; it is being tried again.',
    NotYetEnforced: 'The spec asks for something that this version accepts but cannot do yet.',
    NameConflict: 'An object of the same name exists that Bulkhead did not make; it is left alone.',
  },
  Reconciling: {
    ProgressingWithRetry: 'Something failed that may pass by itself; it is being tried again.',
  },
  Stalled: {
    NameConflict: 'An object of the same name exists that Bulkhead did not make; it is left alone.',
  },
  PolicyEnforced: {
    PoliciesInPlace: 'The policies are in the API server and select running pods.',
    ModeObserve: 'The mode is Observe: nothing is blocked.',
    PodsNotSelected: 'Some pods do not carry the labels that the policies select.',
    NoPodsSelected: 'No running pod carries the labels that the policies select.',
    HostNetwork: 'A pod is on the host network, where no policy holds.',
    SelectorOverlap: 'Another sandbox selects some of the same pods.',
    EngineCannotExpress: 'A rule needs something that the policy engine of this cluster cannot say; it stays denied.',
    NotYetEnforced: 'A rule uses a field that this version accepts but does not act on yet; it stays denied.',
    BaselineDenied: 'A rule would allow what no sandbox may reach; that part stays denied.',
    ServiceUnknown: 'A rule names a Service that does not exist or selects no pods; it stays denied.',
    NameConflict: 'A policy of the same name exists that Bulkhead did not make; it is left alone.',
    ProgressingWithRetry: 'Something failed that may pass by itself; it is being tried again.',
  },
  DetectionCovered: {
    FlowsSeen: 'Every flow source is connected and flows arrive.',
    NoFlowsYet: 'Every flow source is connected, but no flow has arrived yet.',
    NoFlowSource: 'No flow source is configured: nothing is watched.',
    SourceDisconnected: 'A flow source cannot be reached: what happens there is not seen.',
    FlowsLost: 'Flows were lost before they reached Bulkhead: the absence of a finding proves nothing.',
  },
  Tripped: {
    CircuitBreaker: 'So many incidents came in so short a time that the sandbox is in Lockdown.',
  },
} as const satisfies Record<ConditionType, Readonly<Record<string, string>>>;

/** Any reason of any condition. */
export type Reason = { [Type in ConditionType]: keyof (typeof REASONS)[Type] }[ConditionType];
