/**
 * Where to take a stream up again after it broke, in event time.
 *
 * A server drops every flow older than the `since` it is given for as long as the stream lasts. So one node whose clock
 * runs ahead must not decide for the others: the slowest of the nodes that were lately active counts, minus an overlap,
 * and never more than now. What is then sent twice is taken out by `dedupe.ts`.
 */

export interface ResumePoint {
  /** A flow that arrived. */
  observe(nodeName: string, timeMs: number): void;
  /** Event time of the newest flow that the node reported, or undefined when there was none. */
  newestMs(nodeName: string): number | undefined;
  /** Event time to ask from, or undefined when nothing was ever seen. `nowMs` is the wall clock. */
  sinceMs(nowMs: number): number | undefined;
}

/** Flows are not quite in order of time: a relay merges nodes, an agent's queues differ. Hubble's relay sorts over 1 s. */
const OVERLAP_MS = 5_000;

/** Clocks of nodes that are further apart than this are broken; a node that was silent longer has nothing to resume. */
const ACTIVE_MS = 60_000;

/** More nodes than a cluster may have (5 000 is the tested limit of Kubernetes); beyond it new names are not tracked. */
const MAX_NODES = 10_000;

export function createResumePoint(): ResumePoint {
  const newest = new Map<string, number>();
  return {
    observe(nodeName, timeMs) {
      const before = newest.get(nodeName);
      if (before === undefined ? newest.size < MAX_NODES : timeMs > before) {
        newest.set(nodeName, timeMs);
      }
    },
    newestMs: (nodeName) => newest.get(nodeName),
    sinceMs(nowMs) {
      let latest = Number.NEGATIVE_INFINITY;
      for (const timeMs of newest.values()) {
        latest = Math.max(latest, Math.min(timeMs, nowMs));
      }
      let slowest = latest;
      for (const timeMs of newest.values()) {
        if (timeMs >= latest - ACTIVE_MS) {
          slowest = Math.min(slowest, timeMs);
        }
      }
      return newest.size === 0 ? undefined : slowest - OVERLAP_MS;
    },
  };
}
