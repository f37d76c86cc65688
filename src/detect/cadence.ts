/**
 * How regular a connection's pauses are: concentration around the median, which a few missed or extra events do not upset.
 */
import type { Connection } from './connections.ts';

/** Of the remembered pauses: their median in milliseconds, and how many lie within ±30 % of it. */
export function regularityOf({ pauses }: Connection): { medianMs: number; regular: number; count: number } {
  const count = pauses.length;
  const sorted = pauses.toSorted((a, b) => a - b);
  const upper = sorted[count >> 1] ?? 0;
  const medianMs = count % 2 === 1 ? upper : (upper + (sorted[(count >> 1) - 1] ?? upper)) / 2;
  const regular = sorted.filter((pause) => Math.abs(pause - medianMs) <= medianMs * TOLERANCE).length;
  return { medianMs, regular, count };
}

/** Shares of a median within which a pause counts as regular; with jitter of ±20 % and 10 % of the events missing, 75 % of them still are. */
const TOLERANCE = 0.3;
