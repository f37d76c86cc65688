/**
 * How long to wait before trying again.
 */

export interface BackoffOptions {
  minMs: number;
  maxMs: number;
}

/**
 * Doubles from `minMs` to `maxMs` with the number of failures in a row, plus up to a fifth at random, so that many clients
 * of one relay do not come back in step.
 *
 * @param failures - at least 1.
 * @param random - from 0 up to, not including, 1.
 */
export function backoffMs(failures: number, random: number, { minMs, maxMs }: BackoffOptions): number {
  const doublings = Math.min(failures - 1, MAX_DOUBLINGS);
  return Math.min(minMs * 2 ** doublings, maxMs) * (1 + random / 5);
}

/** Beyond this every sensible `maxMs` is reached; keeps the power finite. */
const MAX_DOUBLINGS = 30;
