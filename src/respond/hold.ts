/**
 * Which pods are held, by which incidents, and when a person has let one go.
 *
 * Derived from the incidents alone, every time: there is no second place that could disagree about who is cut off.
 */
import type { AgentIncidentStatus } from '../api/v1alpha1/agent-incident.ts';
import type { AgentIncident } from '../api/v1alpha1/types.ts';

/** Whether the incident is over: released by people, or dismissed without a cut. */
export function isClosed(incident: AgentIncident): boolean {
  return incident.status?.phase === 'Released' || incident.status?.phase === 'Dismissed';
}

/** Whether the incident demands that its pod is cut off. */
export function holdsPod(incident: AgentIncident): boolean {
  return incident.spec.response === 'Quarantine' && !isClosed(incident);
}

/** What the release of an incident waits for. */
export type ReleaseState =
  | { state: 'Waiting'; approvals: number; needed: number }
  | { state: 'CoolingDown'; until: Date }
  | { state: 'Due'; approvers: readonly string[] };

/** How many people must approve, and how long to wait afterwards. */
export interface ReleaseTerms {
  approvals: number;
  cooldown: string;
}

/** Terms when the sandbox is gone. */
export const DEFAULT_RELEASE_TERMS: ReleaseTerms = { approvals: 1, cooldown: '0s' };

/**
 * Whether an incident may be released now. Approvals without an authenticated name do not count, nor does a
 * second one of the same person. The cool-down begins when Bulkhead first saw the approval, because the time in it may
 * have been written by the person while the webhook that stamps it was down.
 */
export function releaseState(status: AgentIncidentStatus | undefined, terms: ReleaseTerms, now: Date): ReleaseState {
  const approvers = approversOf(status ?? {}, now);
  if (approvers.size < terms.approvals) {
    return { state: 'Waiting', approvals: approvers.size, needed: terms.approvals };
  }
  const enough = [...approvers.values()].sort((a, b) => a - b)[terms.approvals - 1] ?? 0;
  const until = new Date(enough + parseDuration(terms.cooldown));
  return until > now ? { state: 'CoolingDown', until } : { state: 'Due', approvers: [...approvers.keys()] };
}

/** What the timeline says when a finding climbs the ladder; approvals from before were for something lesser. */
export const RAISED = 'Raised to ';

/** What the timeline says when an approval is first seen; also how that moment is found again. */
export const APPROVED = 'Approved: ';

/** Approvals that count and that no timeline entry speaks of yet. */
export function newApprovals(status: AgentIncidentStatus): { approver: string; reason: string }[] {
  const known = firstSeen(status);
  return validApprovals(status).filter(({ approver }) => !known.has(approver));
}

/** Who approved, and when Bulkhead saw it first, in milliseconds. */
function approversOf(status: AgentIncidentStatus, now: Date): Map<string, number> {
  const known = firstSeen(status);
  return new Map(validApprovals(status).map(({ approver }) => [approver, known.get(approver) ?? now.getTime()]));
}

/** Those with an authenticated name. The time in them is for people: what counts is when Bulkhead saw them. */
function validApprovals({ approvals = [] }: AgentIncidentStatus): { approver: string; reason: string }[] {
  return approvals.flatMap(({ approver = '', reason }) => (approver === '' ? [] : [{ approver, reason }]));
}

function firstSeen({ timeline = [] }: AgentIncidentStatus): Map<string, number> {
  const since = timeline.findLastIndex(({ message }) => message.startsWith(RAISED));
  const entries = timeline
    .slice(since + 1)
    .filter(({ message }) => message.startsWith(APPROVED))
    .toReversed();
  return new Map(entries.map(({ actor, time }) => [actor, Date.parse(time)]));
}

/**
 * Milliseconds of a duration such as `90s` or `1h30m`, as the CRD's pattern allows it.
 */
export function parseDuration(text: string): number {
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(s|m|h|d)/g)) {
    total += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return total;
}

const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
