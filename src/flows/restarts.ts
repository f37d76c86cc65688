/**
 * Tells when a Hubble server has been restarted, from what it says about itself: its ring is gone then, and with it every
 * flow that had not been read. Nothing on the stream of flows says so, least of all through a relay.
 */
import type { NodeFlows } from './hubble-requests.ts';

/** What nodes said, and between which two moments of one steady clock they said it, in milliseconds. */
export interface NodesAnswer {
  nodes: readonly NodeFlows[];
  askedMs: number;
  answeredMs: number;
}

/** Gives the names of the nodes that have restarted since they were last heard of. */
export type RestartWatch = (answer: NodesAnswer) => string[];

export function createRestartWatch(): RestartWatch {
  /** The latest moment at which each server can have started. */
  let startedBy = new Map<string, number>();
  return ({ nodes, askedMs, answeredMs }) => {
    const restarted: string[] = [];
    const next = new Map<string, number>();
    for (const { name, isConnected, uptimeNs } of nodes) {
      const before = startedBy.get(name);
      const uptimeMs = uptimeNs / 1_000_000;
      if (before !== undefined && uptimeNs > 0 && askedMs - uptimeMs > before + TOLERANCE_MS) {
        restarted.push(name);
      }
      const startedMs = isConnected && uptimeNs > 0 ? answeredMs - uptimeMs : before;
      if (startedMs !== undefined) {
        next.set(name, startedMs);
      }
    }
    startedBy = next;
    return restarted;
  };
}

/** Two clocks drift apart by at most some milliseconds between two looks; no agent restarts within a quarter second. */
const TOLERANCE_MS = 250;
