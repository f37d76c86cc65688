/**
 * Kubernetes Events, for people who look at an object with kubectl.
 *
 * A repeat raises the count of the first Event instead of making another. Everything is bounded and nobody ever waits:
 * an Event that cannot be written soon is dropped and counted, because the log line and the condition say it too.
 */
import { createHash } from 'node:crypto';
import { errorKind } from '../api/errors.ts';
import type { KubeObject } from '../api/v1alpha1/types.ts';
import type { Reporter } from '../reconcile/ports.ts';
import type { Logger } from '../telemetry/log.ts';
import type { KubeClient } from './client.ts';
import { type Clock, sleep } from './clock.ts';
import { microTime } from './lease.ts';
import { type ObjectRef, RESOURCES } from './resources.ts';

/** What an Event is about. */
export type Regarding = Parameters<Reporter['report']>[0];
/** What it says. `reason` is CamelCase and stable. */
export type Saying = Parameters<Reporter['report']>[1];

export interface EventRecorderOptions {
  client: Pick<KubeClient, 'create' | 'patch'>;
  clock: Clock;
  log: Logger;
  /** Name of this replica. */
  instance: string;
  /** Told of every Event that was not written. */
  onDropped?: () => void;
}

interface Series {
  ref: ObjectRef;
  count: number;
  lastMs: number;
  /** Takes back the pending update, if there is one. */
  cancelUpdate: (() => void) | undefined;
}

/** @example recorder.record({ apiVersion, kind, namespace, name, uid }, { type: 'Warning', reason, message }) */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #series = new Map<string, Series>();
  readonly #budgets = new Map<string, { tokens: number; atMs: number }>();
  readonly #outbox: (() => Promise<unknown>)[] = [];
  readonly #abort = new AbortController();
  #sending: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** Returns at once. */
  record(regarding: Regarding, saying: Saying): void {
    const nowMs = this.#options.clock.nowMs();
    const key = JSON.stringify([regarding, saying]);
    const series = this.#series.get(key);
    if (series !== undefined && nowMs - series.lastMs < SERIES_TTL_MS) {
      this.#repeat(series, nowMs);
      return;
    }
    if (!this.#spend(JSON.stringify(regarding), nowMs)) {
      this.#options.onDropped?.();
      return;
    }
    const event = this.#newEvent(key, regarding, saying);
    const { namespace, name } = event.metadata;
    series?.cancelUpdate?.();
    this.#series.delete(key);
    remember(this.#series, key, {
      ref: { resource: RESOURCES.events, namespace, name },
      count: 1,
      lastMs: nowMs,
      cancelUpdate: undefined,
    })?.cancelUpdate?.();
    this.#post(() => this.#options.client.create(RESOURCES.events, event, { signal: this.#abort.signal }));
  }

  /** Sends what waits, for at most so many milliseconds. */
  async stop(drainMs: number): Promise<void> {
    for (const series of this.#series.values()) {
      series.cancelUpdate?.();
    }
    const cancel = this.#options.clock.after(drainMs, () => this.#abort.abort());
    await this.#sending;
    cancel();
    this.#abort.abort();
  }

  #repeat(series: Series, nowMs: number): void {
    series.count += 1;
    series.lastMs = nowMs;
    series.cancelUpdate ??= this.#options.clock.after(SERIES_UPDATE_MS, () => {
      series.cancelUpdate = undefined;
      const body = { series: { count: series.count, lastObservedTime: microTime(series.lastMs) } };
      const { signal } = this.#abort;
      this.#post(() => this.#options.client.patch(series.ref, { type: 'merge', body }, { signal }));
    });
  }

  /** Whether the object may have one more Event now: 25 at once, then one every 5 minutes, as client-go. */
  #spend(object: string, nowMs: number): boolean {
    const budget = this.#budgets.get(object) ?? { tokens: BURST, atMs: nowMs };
    const tokens = Math.min(BURST, budget.tokens + (nowMs - budget.atMs) / REFILL_MS);
    this.#budgets.delete(object);
    remember(this.#budgets, object, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs });
    return tokens >= 1;
  }

  #post(send: () => Promise<unknown>): void {
    if (this.#outbox.length >= MAX_OUTBOX || this.#abort.signal.aborted) {
      this.#options.onDropped?.();
      return;
    }
    this.#outbox.push(send);
    this.#sending ??= this.#drain();
  }

  async #drain(): Promise<void> {
    for (let send = this.#outbox.shift(); send !== undefined; send = this.#outbox.shift()) {
      await this.#deliver(send);
    }
    this.#sending = undefined;
  }

  async #deliver(send: () => Promise<unknown>): Promise<void> {
    const { clock, log, onDropped } = this.#options;
    const { signal } = this.#abort;
    for (const waitMs of RETRY_MS) {
      await sleep(clock, waitMs, signal);
      if (signal.aborted) {
        break;
      }
      try {
        await send();
        return;
      } catch (error) {
        log.debug('event not written', { error });
        if (errorKind(error).kind !== 'transient') {
          break;
        }
      }
    }
    onDropped?.();
  }

  #newEvent(key: string, regarding: Regarding, saying: Saying): KubeObject {
    const nowMs = this.#options.clock.nowMs();
    const { apiVersion, kind, namespace, name, uid } = regarding;
    const id = createHash('sha256').update(`${nowMs} ${this.#options.instance} ${key}`).digest('hex').slice(0, 16);
    const event = {
      apiVersion: RESOURCES.events.apiVersion,
      kind: 'Event',
      metadata: {
        namespace: namespace === '' ? 'default' : namespace,
        name: `${name.slice(0, 200).replace(/[-.]+$/, '')}.${id}`,
      },
      eventTime: microTime(nowMs),
      reportingController: 'bulkhead.dev/operator',
      reportingInstance: this.#options.instance.slice(0, 128),
      action: 'Reconcile',
      reason: saying.reason,
      type: saying.type,
      note: cutBytes(saying.message, MAX_NOTE_BYTES),
      regarding: { apiVersion, kind, namespace, name, uid },
    };
    return event;
  }
}

/** Adds to a bounded map and returns what had to leave for it: the oldest. */
function remember<V>(map: Map<string, V>, key: string, value: V): V | undefined {
  map.set(key, value);
  const oldest = map.size > MAX_REMEMBERED ? map.keys().next().value : undefined;
  const evicted = oldest === undefined ? undefined : map.get(oldest);
  if (oldest !== undefined) {
    map.delete(oldest);
  }
  return evicted;
}

function cutBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  // A character cut in half becomes U+FFFD, three bytes, hence the room.
  return bytes.length <= maxBytes ? text : `${bytes.subarray(0, maxBytes - 6).toString('utf8')}…`;
}

/** The API's own bound on `note`. */
const MAX_NOTE_BYTES = 1024;
/** A repeat after this is a new Event, as client-go. */
const SERIES_TTL_MS = 360_000;
const SERIES_UPDATE_MS = 30_000;
const BURST = 25;
const REFILL_MS = 300_000;
const MAX_OUTBOX = 256;
const MAX_REMEMBERED = 1024;
/** Waits before each try. */
const RETRY_MS = [0, 1000, 5000];
