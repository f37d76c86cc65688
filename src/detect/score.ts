/**
 * How much several reasons weigh together, and for how long.
 *
 * Noisy-OR: each reason leaves a share of doubt, and the doubts multiply. Within one class of evidence only the strongest
 * counts, so that repeats of one thing cannot pass for independent reasons. All of it can be worked out by hand from the
 * points that a finding shows.
 */
import type { EvidenceClass } from '../api/v1alpha1/agent-incident.ts';
import type { Severity } from './finding.ts';

/** How slowly kinds of evidence fade: τ in e^(−t/τ), milliseconds. */
export const DECAY_MS = {
  /** List hits: τ 24 h. */
  List: 24 * 3_600_000,
  /** Denials: τ 30 min. */
  Denial: 30 * 60_000,
  /** Probing: τ 6 h. */
  Probing: 6 * 3_600_000,
  /** A tunnel or a miner's connection: full weight while it lives, then τ 30 min. */
  Connection: 30 * 60_000,
} as const;
export type Decay = keyof typeof DECAY_MS;

/**
 * Evidence keeps its full weight this long after it was last seen. As long as the longest hold of the ladder, so that
 * evidence that reaches a rung exactly can also hold it.
 */
export const FRESH_MS = 60_000;

/** A silent connection counts as alive this long; ssh without keepalive says nothing while idle. */
export const SILENT_ALIVE_MS = 30 * 60_000;

/** Factor for evidence that rests on something not having been seen, where it may have been there unseen. */
export const UNCERTAIN = 0.7;

/** What weighs. */
export interface Weighing {
  class: EvidenceClass;
  /** 0 to 100, before fading. */
  points: number;
  timeMs: number;
  decay: Decay;
  /** The connection the evidence is about, when it counts as long as that lives. */
  connection?: { readonly lastMs: number; readonly closedMs: number } | undefined;
}

/** Weight of one piece of evidence at a moment, 0 to 1. */
export function weightAt(evidence: Weighing, nowMs: number): number {
  const age = Math.max(0, nowMs - freshUntil(evidence));
  return (Math.min(100, evidence.points) / 100) * Math.exp(-age / DECAY_MS[evidence.decay]);
}

/** Score of one finding at a moment, and the number of classes behind it. */
export function scoreAt(
  evidence: Iterable<Weighing>,
  nowMs: number,
): { score: number; classes: ReadonlySet<EvidenceClass> } {
  const strongest = new Map<EvidenceClass, number>();
  for (const one of evidence) {
    const weight = weightAt(one, nowMs);
    if (weight > (strongest.get(one.class) ?? NEGLIGIBLE)) {
      strongest.set(one.class, weight);
    }
  }
  return { score: noisyOr(strongest.values()), classes: new Set(strongest.keys()) };
}

/**
 * 100 · (1 − Π (1 − w)).
 *
 * @param weights - each 0 to 1.
 * @example
 * noisyOr([0.6, 0.4]) // 76
 */
export function noisyOr(weights: Iterable<number>): number {
  let doubt = 1;
  for (const weight of weights) {
    doubt *= 1 - weight;
  }
  return 100 * (1 - doubt);
}

/** Below 30 Info, then Low, from 50 Medium, from 70 High, from 90 Critical. */
export function severityOf(score: number): Severity {
  if (score < 30) {
    return 'Info';
  }
  if (score < 50) {
    return 'Low';
  }
  if (score < 70) {
    return 'Medium';
  }
  return score < 90 ? 'High' : 'Critical';
}

/**
 * Rounds to an integer, a half to the even one, so that rounding lifts no more scores over a line than it lowers.
 * What is within a billionth of a half counts as half: it is an artefact of binary fractions.
 */
export function roundScore(score: number): number {
  const floor = Math.floor(score + EPSILON);
  const isHalf = Math.abs(score - floor - 0.5) < EPSILON;
  if (isHalf) {
    return floor % 2 === 0 ? floor : floor + 1;
  }
  return Math.round(score);
}

/** Whether a score reaches a threshold, not thrown off by binary fractions. */
export function reaches(score: number, threshold: number): boolean {
  return score >= threshold - EPSILON;
}

function freshUntil({ timeMs, connection }: Weighing): number {
  if (connection === undefined) {
    return timeMs + FRESH_MS;
  }
  return connection.closedMs > 0 ? connection.closedMs + FRESH_MS : connection.lastMs + SILENT_ALIVE_MS;
}

const EPSILON = 1e-9;
/** Faded evidence below one point is no class of its own. */
const NEGLIGIBLE = 0.01;
