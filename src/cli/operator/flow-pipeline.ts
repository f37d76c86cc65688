/**
 * Carries flows from the sources to the engine, and time with them.
 */
import type { Readable } from 'node:stream';
import type { Flow, FlowEvent, SourceHealth } from '../../flows/flow.ts';
import { type OpenedSource, openFlowSource } from '../../flows/sources/open.ts';
import { type Clock, sleep } from '../../kube/clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import { createEventClock } from './event-clock.ts';

/** The engine, as far as flows need it. */
export interface FlowConsumer {
  ingest(event: FlowEvent): void;
  /** Event time has come to this, in milliseconds. */
  advance(eventTimeMs: number): void;
}

export interface FlowPipelineOptions {
  addresses: readonly string[];
  /** What the address `-` reads. */
  stdin: Readable;
  engine: FlowConsumer;
  /** Flows that are not to be judged. */
  isEcho: (flow: Flow) => boolean;
  clock: Clock;
  log: Logger;
}

export interface FlowPipeline {
  start(): void;
  /** Limits what servers are asked for to these namespaces; takes effect at once. */
  watch(namespaces: readonly string[]): void;
  coverage(): readonly { name: string; health: SourceHealth }[];
  /** How far event time is ahead of something that happened in it, in seconds. */
  secondsSince(eventTimeMs: number): number;
  stop(): Promise<void>;
}

/** @throws FlowSourceError for an address that cannot be one. */
export function createFlowPipeline(options: FlowPipelineOptions): FlowPipeline {
  const { addresses, stdin, engine, isEcho, clock, log } = options;
  const abort = new AbortController();
  const eventClock = createEventClock(() => clock.nowMs());
  // No namespace yet: a server proves that it is there and sends nothing, until `watch` says what to ask for.
  const sources = addresses.map((address) => openFlowSource(address, { namespaces: [], stdin }));
  const running: Promise<void>[] = [];

  const deliver = (batch: readonly FlowEvent[]): void => {
    for (const event of batch) {
      if (event.kind === 'flow') {
        eventClock.observe(event.flow.timeMs);
      }
      if (event.kind !== 'flow' || !isEcho(event.flow)) {
        engine.ingest(event);
      }
    }
  };
  const pump = async (source: OpenedSource): Promise<void> => {
    while (!abort.signal.aborted) {
      try {
        for await (const batch of source.batches(abort.signal)) {
          deliver(batch);
        }
        // A file has come to its end, once and for all.
        return;
      } catch (error) {
        log.error('flow source failed', { source: source.name, error });
        await sleep(clock, RETRY_MS, abort.signal);
      }
    }
  };
  const tick = async (): Promise<void> => {
    while (!abort.signal.aborted) {
      const nowMs = eventClock.now();
      if (nowMs !== undefined) {
        engine.advance(nowMs);
      }
      await sleep(clock, TICK_MS, abort.signal);
    }
  };
  return {
    start: () => {
      running.push(tick(), ...sources.map(pump));
    },
    watch: (namespaces) => {
      for (const source of sources) {
        source.setNamespaces?.(namespaces);
      }
    },
    coverage: () => sources.map((source) => ({ name: source.name, health: source.health() })),
    secondsSince: (eventTimeMs) => Math.max(0, (eventClock.now() ?? eventTimeMs) - eventTimeMs) / 1000,
    stop: async () => {
      abort.abort();
      await Promise.all(running);
    },
  };
}

/** Holds and timeouts of the ladder are seconds; five looks a second add little to them. */
const TICK_MS = 200;
/** A live source reconnects by itself; what it throws is a fault that a moment may heal. */
const RETRY_MS = 5000;
