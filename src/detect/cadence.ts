/**
 * How regular a connection's pauses are: concentration around the median, which a few missed or extra events do not upset.
 */
import { type Connection, PAUSES } from './connections.ts';

/** Of the remembered pauses: their median in seconds, and how many lie within ±30 % of it. */
export function regularityOf({ pauses, pauseCount }: Connection): { median: number; regular: number; count: number } {
  const count = Math.min(pauseCount, PAUSES);
  const sorted = [...(pauses ?? [])].slice(0, count).sort((a, b) => a - b);
  const middle = count >> 1;
  const upper = sorted[middle] ?? 0;
  const median = count % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
  const regular = sorted.filter((pause) => Math.abs(pause - median) <= median * TOLERANCE).length;
  return { median, regular, count };
}

/** Shares of a median within which a pause counts as regular; with jitter of ±20 % and 10 % of the events missing, 75 % of them still are. */
const TOLERANCE = 0.3;
