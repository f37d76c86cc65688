/**
 * Time and chance as the edge uses them, passed in so that tests turn the hands themselves.
 */

export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
  /** Calls once, later. The returned function takes it back; it does nothing when the call has happened. */
  after(delayMs: number, call: () => void): () => void;
  /** From 0 up to, not including, 1. */
  random(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  after: (delayMs, call) => {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** Resolves after the delay, or at once when the signal aborts; never rejects. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal.addEventListener('abort', finish);
  });
}
