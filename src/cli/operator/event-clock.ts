/**
 * What time it is in the flows.
 *
 * Event time is the newest flow's, and goes on at the pace of the wall clock while no flow comes. So holds and timeouts
 * run out on a quiet cluster, and a source that catches up after an outage, or a recording that is played fast, is never
 * overtaken by the wall clock.
 */
export interface EventClock {
  /** A flow with this event time has arrived. Milliseconds. */
  observe(flowTimeMs: number): void;
  /** Event time now, in milliseconds; undefined before the first flow. */
  now(): number | undefined;
}

/** @param wallMs - the wall clock, in milliseconds. */
export function createEventClock(wallMs: () => number): EventClock {
  let newestMs: number | undefined;
  let arrivedMs = 0;
  return {
    observe: (flowTimeMs) => {
      const now = wallMs();
      // A clock that runs ahead on one node must not drag the others into the future.
      const plausible = Math.min(flowTimeMs, now);
      if (newestMs === undefined || plausible > newestMs) {
        newestMs = plausible;
        arrivedMs = now;
      }
    },
    now: () => (newestMs === undefined ? undefined : newestMs + (wallMs() - arrivedMs)),
  };
}
