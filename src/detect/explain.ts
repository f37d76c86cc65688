/**
 * Says in one sentence why a finding was made, from its strongest evidence, with the points that make the score.
 *
 * Nothing but what stands in the evidence: whoever doubts the sentence can work it out again.
 */
import type { Evidence, Finding } from './finding.ts';

/** Other findings of the same pod that the decision also rests on. */
export interface Companion {
  detector: string;
  score: number;
}

/**
 * @example
 * explain('203.0.113.10:22', evidence, [], 64)
 * // '203.0.113.10:22: SSH without a DNS name (45) and open for 12 min without a DNS name (35).'
 */
export function explain(
  target: string,
  evidence: readonly Pick<Evidence, 'value' | 'points'>[],
  companions: readonly Companion[],
  podScore: number,
): string {
  const reasons = evidence.slice(0, REASONS).map(({ value, points }) => `${value} (${points})`);
  const own = `${target}: ${joinWords(reasons)}.`;
  if (companions.length === 0) {
    return own;
  }
  const others = companions.map(({ detector, score }) => `${detector} (${score})`);
  return `${own} Together with ${joinWords(others)} the pod scores ${podScore}.`;
}

/** `a`, `a and b`, `a, b and c`. */
export function joinWords(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}

/** A span of time for people: `45 s`, `12 min`, `3 h`. */
export function spanText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) {
    return `${seconds} s`;
  }
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}

/** Strongest first, then oldest, then by name, so that the order never depends on chance. */
export function byWeight(a: Finding['evidence'][number], b: Finding['evidence'][number]): number {
  return b.points - a.points || a.timeMs - b.timeMs || (a.signal < b.signal ? -1 : 1);
}

const REASONS = 3;
