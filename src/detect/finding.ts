/**
 * What detection says: evidence, findings, and the ladder of actions.
 *
 * A finding is a value: it changes by being replaced, and nothing here acts on it. Turning it into an AgentIncident is
 * `respond/`; the numbers behind it are in `score.ts` and the detectors.
 */
import type { EvidenceClass } from '../api/v1alpha1/agent-incident.ts';
import type { DetectorName } from '../api/v1alpha1/detector-names.ts';
import type { Flow } from '../flows/flow.ts';

/** Rungs of the ladder, low to high. */
export const ACTIONS = ['none', 'watch', 'alert', 'restrict', 'quarantine', 'suspend'] as const;
export type Action = (typeof ACTIONS)[number];

export const SEVERITIES = ['Info', 'Low', 'Medium', 'High', 'Critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** One reason to believe it. */
export interface Evidence {
  /** Stable kebab-case word, such as `direct-ip` or `trw-failures`. */
  signal: string;
  class: EvidenceClass;
  value: string;
  threshold: string;
  /** 0 to 100. */
  points: number;
  /** Where threshold or list entry come from. */
  source: string;
  /** A hit that alone allows quarantine: role `agent` forwarded, metadata reached, kubelet or etcd. */
  hard: boolean;
  /** Event time of the newest flow behind it. */
  timeMs: number;
  flowUuids: readonly string[];
}

/** The pod a finding is about, as far as it is known from flows and the pod index. */
export interface PodRef {
  namespace: string;
  name: string;
  /** Empty when replaying, where only flows are known. */
  uid: string;
  sandbox: string;
}

export interface Finding {
  /** Same key, same finding: detector, pod and target. */
  key: string;
  detector: DetectorName;
  pod: PodRef;
  /** What it is about, for people: a host, a network, a port class. Escaped. */
  target: string;
  title: string;
  explanation: string;
  /** This finding alone, 0 to 100. */
  score: number;
  /** All open findings of the pod together, 0 to 100. */
  podScore: number;
  severity: Severity;
  /** Number of independent evidence classes behind `score`. */
  classes: number;
  /** Highest rung reached so far. */
  action: Action;
  /** Event time at which that rung was reached. */
  raisedAtMs: number;
  firstSeenMs: number;
  lastSeenMs: number;
  count: number;
  evidence: readonly Evidence[];
  /** At most ten flows that show it. */
  flows: readonly Flow[];
  attack: readonly string[];
  atlas: readonly string[];
  degraded: boolean;
}

export function atLeast(action: Action, floor: Action): boolean {
  return ACTIONS.indexOf(action) >= ACTIONS.indexOf(floor);
}

/** The lower of two rungs. */
export function lowerOf(a: Action, b: Action): Action {
  return atLeast(a, b) ? b : a;
}
