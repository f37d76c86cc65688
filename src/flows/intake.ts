/**
 * The first thing every source does with what it decoded: count it, drop what was seen before, and keep the account that
 * `FlowSource.health` shows.
 *
 * A relay says when a node fails but not when it comes back, so a flow from a node also ends its being unavailable.
 */
import type { Decoded } from './decoded.ts';
import { createDedupe, type Dedupe } from './dedupe.ts';
import type { DecodeFailure, Flow, FlowEvent, NodeStatus, SourceHealth } from './flow.ts';

export interface Intake {
  /** The event to pass on, or undefined when there is none. */
  take(decoded: Decoded): FlowEvent | undefined;
  /** Records whether the source is connected, and why not. */
  setConnected(connected: boolean, error?: string): void;
  /** Replaces the nodes known to be missing by a whole new list. */
  setUnavailable(nodeNames: readonly string[]): void;
  health(): SourceHealth;
  readonly dedupe: Dedupe;
}

export interface IntakeOptions {
  dedupeCapacity?: number | undefined;
  /** Called for everything that could not be read, with a message for people. */
  onFailure?: ((failure: DecodeFailure) => void) | undefined;
}

export function createIntake({ dedupeCapacity, onFailure }: IntakeOptions = {}): Intake {
  const dedupe = createDedupe(dedupeCapacity);
  const unavailable = new Set<string>();
  const health: Mutable<Omit<SourceHealth, 'unavailableNodes'>> = {
    connected: false,
    lastFlowTimeMs: undefined,
    received: 0,
    duplicates: 0,
    lost: 0,
    undecodable: 0,
    error: undefined,
  };

  function isNew(flow: Flow): boolean {
    health.received += 1;
    if (unavailable.size > 0) {
      unavailable.delete(flow.nodeName);
    }
    if (dedupe.isDuplicate(flow.uuid)) {
      health.duplicates += 1;
      return false;
    }
    health.lastFlowTimeMs = Math.max(health.lastFlowTimeMs ?? flow.timeMs, flow.timeMs);
    return true;
  }

  function note({ state, nodeNames }: NodeStatus): void {
    const isMissing = state === 'UNAVAILABLE' || state === 'ERROR';
    for (const name of nodeNames) {
      if (!isMissing) {
        unavailable.delete(name);
      } else if (unavailable.size < MAX_UNAVAILABLE) {
        unavailable.add(name);
      }
    }
  }

  return {
    dedupe,
    take(decoded) {
      switch (decoded.kind) {
        case 'flow':
          return isNew(decoded.flow) ? decoded : undefined;
        case 'lost':
          health.lost += decoded.lost.count;
          return decoded;
        case 'node':
          note(decoded.node);
          return decoded;
        case 'failed':
          health.undecodable += 1;
          onFailure?.(decoded.failure);
          return undefined;
        case 'skipped':
          return undefined;
      }
    },
    setConnected(connected, error) {
      health.connected = connected;
      health.error = error;
    },
    setUnavailable(nodeNames) {
      unavailable.clear();
      for (const name of nodeNames.slice(0, MAX_UNAVAILABLE)) {
        unavailable.add(name);
      }
    },
    health: () => ({ ...health, unavailableNodes: [...unavailable] }),
  };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Names come from outside; a real cluster has at most 5 000 nodes. */
const MAX_UNAVAILABLE = 10_000;
