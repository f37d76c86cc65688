/**
 * Remembers the uuids of recent flows, so that what a server sends again after a reconnect counts once.
 *
 * Two generations instead of a linked list: when the younger is full the older is forgotten, so memory is bounded by
 * twice the capacity and a lookup costs at most two hash probes. The same connection seen by two nodes has two uuids and is
 * not our business; the engine tells those apart.
 */

export interface Dedupe {
  /** Whether the uuid was seen before; remembers it. A flow without uuid is never a duplicate. */
  isDuplicate(uuid: string): boolean;
  /** Whether the uuid was seen before, without remembering it. */
  has(uuid: string): boolean;
  /** Uuids in memory. */
  size(): number;
}

/**
 * 65 536 uuids: after a reconnect a server sends at most its ring again, 4 095 flows a node by default, so this covers
 * sixteen nodes that are all full. About 8 MiB at most.
 */
export const DEFAULT_DEDUPE_CAPACITY = 65_536;

/** @param capacity - uuids that are surely remembered; up to twice as many are. At least 1. */
export function createDedupe(capacity: number = DEFAULT_DEDUPE_CAPACITY): Dedupe {
  let young = new Set<string>();
  let old = new Set<string>();
  const has = (uuid: string) => young.has(uuid) || old.has(uuid);
  return {
    has,
    isDuplicate(uuid) {
      if (uuid === '') {
        return false;
      }
      const isKnown = has(uuid);
      young.add(uuid);
      if (young.size > capacity) {
        old = young;
        young = new Set();
      }
      return isKnown;
    },
    size: () => young.size + old.size,
  };
}
