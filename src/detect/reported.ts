/**
 * When which signal about a connection was last reported, so that what is known is told at intervals and not with every
 * packet. A few numbers instead of a map: there is one of these for every connection that leads out.
 */

/** Event times by number of the signal; undefined until something is reported. */
export type Reported = number[] | undefined;

/** What is new is told at once, what is known again after ten seconds. */
export function isDue(reported: Reported, signal: number, timeMs: number): boolean {
  const before = reported?.[signal] ?? Number.NEGATIVE_INFINITY;
  return timeMs - before >= REPORT_EVERY_MS;
}

export function withReport(reported: Reported, signal: number, timeMs: number): number[] {
  const times = reported ?? [];
  for (let index = times.length; index <= signal; index += 1) {
    times[index] = Number.NEGATIVE_INFINITY;
  }
  times[signal] = timeMs;
  return times;
}

const REPORT_EVERY_MS = 10_000;
