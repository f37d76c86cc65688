/**
 * Keeps following one kind of object, whatever happens to the connection: list, watch, resume, list again.
 *
 * The library's informer stops for good on a reset or a 503, lists everything at once and asks for no bookmarks, so this
 * is our own. An event in a gap is never lost: after a relist whatever vanished is delivered as DELETED. A handler that
 * throws is logged and ends nothing. Keeping objects is `store.ts`; deciding what to do is the work queue's.
 */
import { errorKind, isApiStatus } from '../api/errors.ts';
import type { KubeObject } from '../api/v1alpha1/types.ts';
import type { Logger } from '../telemetry/log.ts';
import { type Backoff, createBackoff } from './backoff.ts';
import type { KubeClient } from './client.ts';
import type { ListOptions } from './client-options.ts';
import { type Clock, sleep } from './clock.ts';
import type { Resource } from './resources.ts';

/** What happened to an object. After a relist DELETED carries only its name, its namespace and the list's version. */
export interface ObjectEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: KubeObject;
}

/** Told when a watch ended otherwise than by agreement, and when a list was done. */
export interface ReflectorObserver {
  watchFailed(resource: Resource, code: string): void;
  listed(resource: Resource, seconds: number): void;
}

export interface ReflectorOptions {
  client: Pick<KubeClient, 'pages' | 'watch'>;
  resource: Resource;
  /** All namespaces when absent. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  onEvent: (event: ObjectEvent) => void | Promise<void>;
  clock: Clock;
  log: Logger;
  observe?: ReflectorObserver | undefined;
  /**
   * Milliseconds of silence after which a watch counts as half-open. Default 75 000: a healthy one gets a bookmark every
   * 60 s (measured on Kubernetes 1.36). A peer that is gone from the network is found sooner, by TCP keep-alive.
   */
  idleTimeoutMs?: number | undefined;
  /** Milliseconds after which everything is listed anew, even if nothing failed. Default 10 min. */
  relistMs?: number | undefined;
}

export interface ReflectorState {
  /** Whether the first list is done. */
  synced: boolean;
  lastListMs: number | undefined;
  /** When the server last said anything: a list, an event or a bookmark. */
  lastContactMs: number | undefined;
  /** Why it is not following right now, for people. */
  error: string | undefined;
}

export class Reflector {
  readonly resource: Resource;
  readonly #options: ReflectorOptions;
  readonly #scope: ListOptions;
  readonly #log: Logger;
  readonly #backoff: Backoff;
  readonly #abort = new AbortController();
  readonly #known = new Set<string>();
  #state: ReflectorState = { synced: false, lastListMs: undefined, lastContactMs: undefined, error: undefined };
  #version: string | undefined;
  #watchingSinceMs = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #synced = Promise.withResolvers<void>();

  constructor(options: ReflectorOptions) {
    this.resource = options.resource;
    this.#options = options;
    this.#scope = { namespace: options.namespace, labelSelector: options.labelSelector };
    this.#log = options.log.with({ resource: options.resource.plural });
    this.#backoff = createBackoff(() => options.clock.random());
  }

  /** Begins to follow. Returns at once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when the connection is closed and no handler will be called any more. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  /** Resolves after the first complete list; never rejects. */
  whenSynced(): Promise<void> {
    return this.#synced.promise;
  }

  state(): ReflectorState {
    return { ...this.#state };
  }

  /** Counts an object that we wrote ourselves as known, so that it is missed if it vanishes before it was ever seen. */
  expect(object: KubeObject): void {
    this.#known.add(keyOf(object));
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      let waitMs: number;
      try {
        await this.#list();
        waitMs = await this.#watch();
      } catch (error) {
        waitMs = signal.aborted ? 0 : this.#fail(error);
      }
      await sleep(this.#options.clock, waitMs, signal);
    }
  }

  /** Lists when there is no version to resume from, or when the last list is old. */
  async #list(): Promise<void> {
    const { clock, client, resource, relistMs = DEFAULT_RELIST_MS } = this.#options;
    const startedMs = clock.nowMs();
    if (this.#version !== undefined && startedMs - (this.#state.lastListMs ?? 0) < relistMs) {
      return;
    }
    const seen = new Set<string>();
    let version = '';
    for await (const page of client.pages(resource, { ...this.#scope, signal: this.#abort.signal })) {
      version = page.resourceVersion;
      for (const object of page.items) {
        const key = keyOf(object);
        seen.add(key);
        this.#deliver({ type: this.#known.has(key) ? 'MODIFIED' : 'ADDED', object });
      }
    }
    for (const key of [...this.#known].filter((known) => !seen.has(known))) {
      this.#deliver({ type: 'DELETED', object: vanished(resource, key, version) });
    }
    this.#version = version;
    const nowMs = clock.nowMs();
    this.#state = { synced: true, lastListMs: nowMs, lastContactMs: nowMs, error: undefined };
    this.#options.observe?.listed(resource, (nowMs - startedMs) / 1000);
    this.#synced.resolve();
  }

  /** Follows one watch to its agreed end. Resolves with the milliseconds to wait before the next. */
  async #watch(): Promise<number> {
    const { clock, client, resource, idleTimeoutMs = DEFAULT_IDLE_TIMEOUT_MS } = this.#options;
    this.#watchingSinceMs = clock.nowMs();
    const events = client.watch(resource, {
      ...this.#scope,
      resourceVersion: this.#version ?? '',
      timeoutSeconds: Math.round(MIN_WATCH_SECONDS * (1 + clock.random())),
      idleTimeoutMs,
      signal: this.#abort.signal,
    });
    for await (const { type, object } of events) {
      if (type !== 'BOOKMARK' && type !== 'ERROR') {
        this.#deliver({ type, object });
      }
      this.#version = object.metadata.resourceVersion;
      this.#contact();
    }
    return clock.nowMs() - this.#watchingSinceMs < SHORT_WATCH_MS ? this.#backoff.next() : 0;
  }

  #contact(): void {
    this.#backoff.reset();
    this.#state.lastContactMs = this.#options.clock.nowMs();
    this.#state.error = undefined;
  }

  #fail(error: unknown): number {
    if (this.#options.clock.nowMs() - this.#watchingSinceMs > STEADY_WATCH_MS) {
      this.#backoff.reset();
    }
    this.#watchingSinceMs = Number.POSITIVE_INFINITY;
    const { code, ...rest } = errorKind(error);
    if (isApiStatus(error, 410)) {
      this.#version = undefined;
    }
    const waitMs = this.#backoff.next(rest.kind === 'transient' ? rest.retryAfterMs : undefined);
    this.#state.error = error instanceof Error ? error.message : String(error);
    this.#options.observe?.watchFailed(this.#options.resource, code);
    this.#log.warn('watch interrupted', {
      error,
      retryAfterMs: Math.round(waitMs),
      relist: this.#version === undefined,
    });
    return waitMs;
  }

  #deliver(event: ObjectEvent): void {
    const key = keyOf(event.object);
    if (event.type === 'DELETED') {
      this.#known.delete(key);
    } else {
      this.#known.add(key);
    }
    try {
      const handled = this.#options.onEvent(event);
      handled?.catch((error: unknown) => this.#handlerFailed(key, error));
    } catch (error) {
      this.#handlerFailed(key, error);
    }
  }

  #handlerFailed(key: string, error: unknown): void {
    this.#log.error('watch handler failed', { object: key, error });
  }
}

function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function vanished(resource: Resource, key: string, resourceVersion: string): KubeObject {
  const slash = key.indexOf('/');
  const name = key.slice(slash + 1);
  const metadata = slash === -1 ? { name, resourceVersion } : { namespace: key.slice(0, slash), name, resourceVersion };
  return { apiVersion: resource.apiVersion, kind: resource.kind, metadata };
}

const DEFAULT_IDLE_TIMEOUT_MS = 75_000;
const DEFAULT_RELIST_MS = 600_000;
/** As client-go: watches end after 5 to 10 minutes, spread, so that API servers can be rebalanced. */
const MIN_WATCH_SECONDS = 300;
/** A watch that ends sooner was not ended by its timeout: something in between hangs up, and must not be hammered. */
const SHORT_WATCH_MS = 1000;
/** A watch that held for so long without a word was sound; what broke it now is a new fault. */
const STEADY_WATCH_MS = 10_000;
