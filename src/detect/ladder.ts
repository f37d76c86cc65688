/**
 * From score to action: which rung of the ladder something has reached, and when.
 *
 * A rung that cuts something off must be held for a while by soft evidence, and quarantine needs a hard hit or two
 * independent classes; a hard hit reaches its rung at once. What was reached is never taken back here. Stepping down
 * only means that reaching a rung again is news again.
 * The caller looks at the time `nextDueMs` asks for, so that the moment a rung is reached does not depend on traffic.
 */
import { ACTIONS, type Action } from './finding.ts';
import { reaches } from './score.ts';

export type Rung = Exclude<Action, 'none' | 'suspend'>;
export type Sensitivity = 'Relaxed' | 'Balanced' | 'Strict';

/** Rungs of soft evidence: score from which, and how long it must be held. */
export const RUNGS = [
  { action: 'watch', score: 30, holdMs: 0 },
  { action: 'alert', score: 50, holdMs: 0 },
  { action: 'restrict', score: 70, holdMs: 60_000 },
  { action: 'quarantine', score: 80, holdMs: 30_000 },
] as const satisfies readonly { action: Rung; score: number; holdMs: number }[];

/** Points by which every rung above watch moves: half the distance from alert to restrict. */
export const SENSITIVITY_SHIFT = { Relaxed: 10, Balanced: 0, Strict: -10 } as const satisfies Record<
  Sensitivity,
  number
>;

/** Stepping down: score below 50 for 15 minutes. Never from quarantine. */
export const STEP_DOWN = { below: 50, forMs: 15 * 60_000 } as const;

/** Longest hold of the ladder, milliseconds. */
export const LONGEST_HOLD_MS = Math.max(...RUNGS.map((rung) => rung.holdMs));

/** What the evidence amounts to at a moment. */
export interface Standing {
  /** 0 to 100, not rounded. */
  score: number;
  /** Number of independent classes. */
  classes: number;
  /** Whether a hard hit is among it. */
  hard: boolean;
}

/** Per rung, since when its score has been reached without a break; NaN when it is not. */
export type Holds = number[];

export function newHolds(): Holds {
  return RUNGS.map(() => Number.NaN);
}

/**
 * Brings the holds up to a moment.
 *
 * @param standingFor - asked per rung, because evidence whose effect a user has limited does not count above its limit.
 * @returns the highest rung whose score is reached and has been held long enough.
 */
export function updateHolds(
  holds: Holds,
  nowMs: number,
  sensitivity: Sensitivity,
  standingFor: (rung: Rung) => Standing,
): Action {
  let reached: Action = 'none';
  for (const [index, rung] of RUNGS.entries()) {
    const standing = standingFor(rung.action);
    if (!supports(standing, rung, sensitivity)) {
      holds[index] = Number.NaN;
      continue;
    }
    const before = holds[index] ?? Number.NaN;
    const since = Number.isNaN(before) ? nowMs : before;
    holds[index] = since;
    if (standing.hard || nowMs - since >= rung.holdMs) {
      reached = rung.action;
    }
  }
  return reached;
}

/** Event time at which a hold will be over; Infinity when none is running. */
export function nextDueMs(holds: Holds, nowMs: number): number {
  let next = Number.POSITIVE_INFINITY;
  for (const [index, rung] of RUNGS.entries()) {
    const due = (holds[index] ?? Number.NaN) + rung.holdMs;
    if (due > nowMs && due < next) {
      next = due;
    }
  }
  return next;
}

/** Where a finding stands. Change it through `climb` alone. */
export interface LadderState {
  /** Highest rung reached so far. */
  highest: Action;
  /** Event time at which it was reached; NaN before the first. */
  raisedAtMs: number;
  /** The rung it stands on now; below `highest` after stepping down. */
  current: Action;
  /** Since when the score has been below the line for stepping down; NaN when it is not. */
  lowSinceMs: number;
}

export function newLadder(): LadderState {
  return { highest: 'none', raisedAtMs: Number.NaN, current: 'none', lowSinceMs: Number.NaN };
}

/**
 * Notes the rung that is reached at a moment.
 *
 * @returns whether it is one that was not stood on before.
 */
export function climb(state: LadderState, nowMs: number, now: { reached: Action; score: number }): boolean {
  stepDown(state, nowMs, now);
  if (rank(now.reached) > rank(state.highest)) {
    state.highest = now.reached;
    state.raisedAtMs = nowMs;
  }
  const isNews = rank(now.reached) > rank(state.current);
  if (isNews) {
    state.current = now.reached;
  }
  return isNews;
}

function supports(standing: Standing, rung: (typeof RUNGS)[number], sensitivity: Sensitivity): boolean {
  const shift = rung.action === 'watch' ? 0 : SENSITIVITY_SHIFT[sensitivity];
  // A relaxed sandbox is no reason to let a hard hit pass.
  if (!reaches(standing.score, rung.score + (standing.hard ? Math.min(0, shift) : shift))) {
    return false;
  }
  return rung.action !== 'quarantine' || standing.hard || standing.classes >= 2;
}

function stepDown(state: LadderState, nowMs: number, now: { reached: Action; score: number }): void {
  if (now.score >= STEP_DOWN.below || state.current === 'quarantine') {
    state.lowSinceMs = Number.NaN;
  } else if (Number.isNaN(state.lowSinceMs)) {
    state.lowSinceMs = nowMs;
  } else if (nowMs - state.lowSinceMs >= STEP_DOWN.forMs) {
    state.current = now.reached;
  }
}

function rank(action: Action): number {
  return ACTIONS.indexOf(action);
}
