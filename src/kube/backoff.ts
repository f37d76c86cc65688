/**
 * How long to wait before a watch or list is tried again: 0.2, 1, 5, then 30 seconds, spread by chance so that a fleet
 * does not return to a restarted API server all at once.
 */

export interface Backoff {
  /** Milliseconds to wait now; longer the next time. `atLeastMs` is what the server asked for. */
  next(atLeastMs?: number): number;
  /** Things work again. */
  reset(): void;
}

/** @param random - from 0 up to 1. */
export function createBackoff(random: () => number, stepsMs: readonly number[] = DEFAULT_STEPS_MS): Backoff {
  let failures = 0;
  return {
    next(atLeastMs = 0) {
      const step = stepsMs[Math.min(failures, stepsMs.length - 1)] ?? 0;
      failures += 1;
      const jittered = step * (1 - JITTER + 2 * JITTER * random());
      // Never earlier than asked, and up to a tenth later: everybody was told the same number.
      return Math.max(jittered, atLeastMs * (1 + random() / 10));
    },
    reset() {
      failures = 0;
    },
  };
}

const DEFAULT_STEPS_MS = [200, 1000, 5000, 30_000];
const JITTER = 0.2;
