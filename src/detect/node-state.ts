/**
 * What the engine keeps per node: its stream of flows, the pods it tells of, and when flows of it went missing.
 */
import type { PodState } from './pod-state.ts';
import { NodeStream, type StreamLimits, type Timed } from './stream.ts';

/** A span of event time, in milliseconds. */
interface Span {
  fromMs: number;
  toMs: number;
}

export class NodeState<Item extends Timed> {
  readonly stream: NodeStream<Item>;
  readonly pods = new Set<PodState>();
  readonly #losses: Span[] = [];
  #nextSweepMs = Number.NEGATIVE_INFINITY;

  constructor(limits: StreamLimits, order: (a: Item, b: Item) => number, give: (item: Item) => void) {
    this.stream = new NodeStream(limits, order, give);
  }

  /** Notes that flows of a time are missing, or came too late to be put in order. */
  noteLoss(fromMs: number, toMs: number): void {
    const last = this.#losses.at(-1);
    if (last !== undefined && fromMs <= last.toMs && toMs >= last.fromMs) {
      last.fromMs = Math.min(last.fromMs, fromMs);
      last.toMs = Math.max(last.toMs, toMs);
      return;
    }
    this.#losses.push({ fromMs, toMs });
    if (this.#losses.length > MAX_LOSSES) {
      this.#losses.shift();
    }
  }

  isLossy(fromMs: number, toMs: number): boolean {
    return this.#losses.some((loss) => loss.fromMs <= toMs && loss.toMs >= fromMs);
  }

  /** Runs what is due in pods that nothing happens to; at most once a second of event time. */
  sweep(): void {
    const nowMs = this.stream.watermarkMs;
    if (nowMs < this.#nextSweepMs) {
      return;
    }
    this.#nextSweepMs = nowMs + SWEEP_EVERY_MS;
    for (const pod of this.pods) {
      if (pod.nextDeadlineMs() <= nowMs) {
        pod.advance(nowMs);
      }
    }
  }
}

const SWEEP_EVERY_MS = 1000;
/** Spans of loss remembered; absence is judged within seconds, so the newest are enough. */
const MAX_LOSSES = 64;
