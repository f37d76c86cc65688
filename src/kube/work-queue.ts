/**
 * Hands keys to a handler: one at a time per key, several keys at once, again after a failure, never twice for nothing.
 *
 * A key says where to look, not what happened: any number of changes while it waits are one pass, a change while it is
 * worked on is one more. Nothing here knows what a key means. Errors decide what is next: a TransientError or a refusal
 * of the API server is tried again, a TerminalError waits for a change, anything else is a bug, logged and tried again.
 */
import { type ErrorKind, errorKind } from '../api/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from './clock.ts';

/** How a pass went; also the `result` label of controller_runtime_reconcile_total. */
export type PassResult = 'success' | 'requeue_after' | 'error';

/** Told of everything that metrics count. */
export interface QueueObserver {
  /** A key joined the queue; `depth` includes it. */
  added(depth: number): void;
  /** A worker took a key that had waited so long. */
  started(depth: number, waitedSeconds: number): void;
  finished(result: PassResult, seconds: number, error: ErrorKind['kind'] | undefined): void;
  retried(): void;
}

export interface WorkQueueOptions {
  /** For logs, such as `sandbox`. */
  name: string;
  /** Keys worked on at the same time. */
  workers: number;
  /** Makes true what the key stands for. May ask to be called again later. The signal aborts when draining has failed. */
  handle: (key: string, signal: AbortSignal) => Promise<{ requeueAfterMs?: number | undefined } | undefined>;
  clock: Clock;
  log: Logger;
  observe?: QueueObserver;
}

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #log: Logger;
  /** Waiting for a worker, oldest first, with the time each joined. */
  readonly #ready = new Map<string, number>();
  readonly #running = new Map<string, number>();
  /** Changed while running. */
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { dueMs: number; cancel: () => void }>();
  readonly #failures = new Map<string, number>();
  readonly #abort = new AbortController();
  #state: 'new' | 'running' | 'draining' | 'stopped' = 'new';
  #idle = Promise.withResolvers<void>();

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#log = options.log.with({ controller: options.name });
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.#ready.size;
  }

  /** Milliseconds since each running pass began, for the metrics on stuck work. */
  runningForMs(): number[] {
    const nowMs = this.#options.clock.nowMs();
    return Array.from(this.#running.values(), (startedMs) => nowMs - startedMs);
  }

  /** Asks for a pass as soon as a worker is free. */
  add(key: string): void {
    if (this.#isClosed()) {
      return;
    }
    this.#cancelDelay(key);
    if (this.#running.has(key)) {
      this.#again.add(key);
      return;
    }
    if (!this.#ready.has(key)) {
      this.#ready.set(key, this.#options.clock.nowMs());
      this.#options.observe?.added(this.#ready.size);
      this.#dispatch();
    }
  }

  /** Asks for a pass later. The soonest of several wins; an `add` before that makes it moot. */
  addAfter(key: string, delayMs: number): void {
    const { clock } = this.#options;
    const dueMs = clock.nowMs() + delayMs;
    if (this.#isClosed() || this.#ready.has(key) || (this.#delayed.get(key)?.dueMs ?? Infinity) <= dueMs) {
      return;
    }
    this.#cancelDelay(key);
    const cancel = clock.after(Math.min(delayMs, MAX_TIMER_MS), () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { dueMs, cancel });
  }

  /** Lets the workers begin. Keys may be added before. */
  start(): void {
    if (this.#state === 'new') {
      this.#state = 'running';
      this.#dispatch();
    }
  }

  /**
   * Takes no more keys, works off those that wait and forgets those that are delayed: the next start looks at
   * everything anyway. Resolves with false when that took longer than `drainMs` and what still ran was told to abort.
   */
  async stop(drainMs: number): Promise<boolean> {
    if (this.#state === 'new') {
      this.#ready.clear();
    }
    if (!this.#isClosed()) {
      this.#state = 'draining';
    }
    for (const key of this.#delayed.keys()) {
      this.#cancelDelay(key);
    }
    this.#settle();
    let drained = true;
    const cancel = this.#options.clock.after(drainMs, () => {
      drained = false;
      this.#ready.clear();
      this.#abort.abort();
      this.#idle.resolve();
    });
    await this.#idle.promise;
    cancel();
    this.#state = 'stopped';
    return drained;
  }

  #isClosed(): boolean {
    return this.#state === 'draining' || this.#state === 'stopped';
  }

  #dispatch(): void {
    if (this.#state === 'new') {
      return;
    }
    for (const [key, sinceMs] of this.#ready) {
      if (this.#running.size >= this.#options.workers) {
        return;
      }
      this.#ready.delete(key);
      const nowMs = this.#options.clock.nowMs();
      this.#running.set(key, nowMs);
      this.#options.observe?.started(this.#ready.size, (nowMs - sinceMs) / 1000);
      void this.#work(key, nowMs);
    }
  }

  async #work(key: string, startedMs: number): Promise<void> {
    const { handle, clock, observe } = this.#options;
    let result: PassResult = 'success';
    let failure: ErrorKind | undefined;
    let delayMs: number | undefined;
    try {
      delayMs = (await handle(key, this.#abort.signal))?.requeueAfterMs;
      result = delayMs === undefined ? 'success' : 'requeue_after';
      this.#failures.delete(key);
    } catch (error) {
      result = 'error';
      failure = errorKind(error);
      delayMs = this.#retryDelay(key, failure);
      this.#logFailure(key, error, failure, delayMs);
    }
    observe?.finished(result, (clock.nowMs() - startedMs) / 1000, failure?.kind);
    this.#running.delete(key);
    this.#next(key, delayMs);
    this.#dispatch();
    this.#settle();
  }

  #next(key: string, delayMs: number | undefined): void {
    if (this.#again.delete(key)) {
      this.add(key);
    } else if (delayMs !== undefined) {
      this.addAfter(key, delayMs);
    }
  }

  /** Milliseconds until the next try; undefined when only a change can help. */
  #retryDelay(key: string, failure: ErrorKind): number | undefined {
    if (failure.kind === 'terminal') {
      this.#failures.delete(key);
      return undefined;
    }
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#options.observe?.retried();
    const jitter = 1 + JITTER * this.#options.clock.random();
    const asked = failure.kind === 'transient' ? (failure.retryAfterMs ?? 0) : 0;
    // The exponent is bounded so that the product stays a number.
    return jitter * Math.max(asked, Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures, 30), LAST_RETRY_MS));
  }

  #logFailure(key: string, error: unknown, failure: ErrorKind, delayMs: number | undefined): void {
    const fields = {
      object: key,
      error,
      code: failure.code,
      retryAfterMs: delayMs === undefined ? undefined : Math.round(delayMs),
    };
    if (failure.kind === 'bug') {
      this.#log.error('pass failed unexpectedly', fields);
    } else {
      this.#log.warn(failure.kind === 'terminal' ? 'pass waits for a change' : 'pass will be tried again', fields);
    }
  }

  #cancelDelay(key: string): void {
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
  }

  #settle(): void {
    if (this.#isClosed() && this.#running.size === 0 && this.#ready.size === 0) {
      this.#idle.resolve();
    }
  }
}

/** A conflict is usually over in one round trip; 50 ms · 2^13 is beyond the cap, which a busy cluster can bear. */
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 300_000;
/** Up to a fifth later, so that keys that failed together do not return together. */
const JITTER = 0.2;
/** Node turns longer timers into 1 ms. A key that is early finds nothing to do and asks again. */
const MAX_TIMER_MS = 2 ** 31 - 1;
