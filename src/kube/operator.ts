/**
 * The operator's shell: which kinds are followed, started and stopped together, on top of `@dot-i/k8s-operator`.
 *
 * The base class gives lifecycle, event types and the finalizer state machine. Everything in it that talks to the API
 * server is overridden, because as shipped it exits the process on a reset or a 503, misses deletions, swallows failed
 * writes and loses work when a handler throws (docs/adr/0001-operator-shell.md). This file is the only one that knows it.
 */
import { createRequire } from 'node:module';
import type dotIModule from '@dot-i/k8s-operator';
import type { OperatorLogger, ResourceEvent, ResourceMeta } from '@dot-i/k8s-operator';
import { KubeConfig } from '@kubernetes/client-node';
import type { KubeObject } from '../api/v1alpha1/types.ts';
import type { Logger } from '../telemetry/log.ts';
import type { KubeClient } from './client.ts';
import type { Patch } from './client-options.ts';
import type { Clock } from './clock.ts';
import { Reflector, type ReflectorObserver, type ReflectorState } from './reflector.ts';
import { type ObjectRef, type Resource, resourceByPlural } from './resources.ts';
import { ObjectStore, type Store, type StoreOptions } from './store.ts';

/** The package is CommonJS with a default export, which loaders take apart in different ways; this way there is one. */
const dotI = createRequire(import.meta.url)('@dot-i/k8s-operator') as typeof dotIModule;

export interface OperatorOptions {
  client: KubeClient;
  kubeConfig: KubeConfig;
  clock: Clock;
  log: Logger;
  observe?: ReflectorObserver;
  /** Milliseconds between resyncs, see StoreOptions.resync; also the longest a list may be old. Default 10 min. */
  resyncMs?: number;
  /** See ReflectorOptions.idleTimeoutMs. */
  idleTimeoutMs?: number;
}

/** How one kind is followed; for /healthz and /readyz. */
export interface FollowedKind extends ReflectorState {
  resource: string;
}

/**
 * @example
 * const operator = createOperator({ client, kubeConfig, clock: systemClock, log });
 * const pods = operator.createStore({ resource: RESOURCES.pods, project: podView, onChange: (key) => queue.add(key) });
 * await operator.start();
 * await operator.whenSynced();
 */
export function createOperator(options: OperatorOptions): KubeOperator {
  return withoutDefaultConfig(() => new KubeOperator(options));
}

export class KubeOperator extends dotI.default {
  readonly #options: OperatorOptions;
  readonly #stores = new Map<ObjectStore<unknown>, Reflector | undefined>();
  readonly #reflectors: Reflector[] = [];
  #cancelResync: () => void = () => {};

  /** Use `createOperator`: the base constructor must be kept from reading the default kubeconfig. */
  constructor(options: OperatorOptions) {
    super(lineLogger(options.log));
    this.kubeConfig = options.kubeConfig;
    this.#options = options;
  }

  /** Declares a kind to follow. Before `start`. */
  createStore<T>(options: StoreOptions<T>): Store<T> {
    const store: ObjectStore<T> = new ObjectStore(options, (raw) =>
      this.#stores.get(store as ObjectStore<unknown>)?.expect(raw),
    );
    this.#stores.set(store as ObjectStore<unknown>, undefined);
    return store;
  }

  /** Resolves when the first list of every kind is in. */
  async whenSynced(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.whenSynced()));
  }

  /** How each kind is followed right now. */
  healthy(): FollowedKind[] {
    return this.#reflectors.map((reflector) => ({ resource: reflector.resource.plural, ...reflector.state() }));
  }

  /** Resolves when every watch is closed and no handler will be called any more. Never ends the process. */
  // oxlint-disable-next-line typescript/no-misused-promises -- the base class aborts and returns; ours can be awaited
  override async stop(): Promise<void> {
    this.#cancelResync();
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  /** PUT of the status with the version the caller read; throws ApiError 409 when the object has changed since. */
  override async setResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta> {
    const object = { ...identityOf(meta), status };
    return metaOf(meta.id, await this.#options.client.replace(resourceById(meta.id), object, STATUS));
  }

  /** Merge patch of the status, with the same guard. */
  override async patchResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta> {
    const patch: Patch = { type: 'merge', body: { ...identityOf(meta), status } };
    return metaOf(meta.id, await this.#options.client.patch(refOf(meta), patch, STATUS));
  }

  /** With the same guard, so that another controller's finalizer is never dropped. */
  override async setResourceFinalizers(meta: ResourceMeta, finalizers: string[]): Promise<void> {
    const body = { metadata: { finalizers, resourceVersion: meta.resourceVersion } };
    await this.#options.client.patch(refOf(meta), { type: 'merge', body });
  }

  /** Called by `start`. */
  protected override async init(): Promise<void> {
    for (const store of this.#stores.keys()) {
      const { resource, namespace, labelSelector } = store.options;
      const [version = '', group = ''] = resource.apiVersion.split('/').reverse();
      const accept = async ({ type, object }: ResourceEvent): Promise<void> =>
        store.accept({ type, object: object as KubeObject });
      await this.watchResource(group, version, resource.plural, accept, namespace, labelSelector);
      const reflector = this.#reflectors.at(-1);
      this.#stores.set(store, reflector);
      void reflector?.whenSynced().then(() => store.markSynced());
    }
    this.#scheduleResync();
  }

  /** Follows a kind for as long as the operator runs. The handler's object is its own only if it copies it. */
  // oxlint-disable-next-line max-params -- the base class's signature, and a selector
  protected override async watchResource(
    group: string,
    version: string,
    plural: string,
    onEvent: (event: ResourceEvent) => Promise<void>,
    namespace?: string,
    labelSelector?: string,
  ): Promise<void> {
    const id = `${plural}.${group === '' ? version : `${group}/${version}`}`;
    const { client, clock, log, observe, idleTimeoutMs, resyncMs } = this.#options;
    const reflector = new Reflector({
      client,
      resource: resourceById(id),
      namespace,
      labelSelector,
      clock,
      log,
      observe,
      idleTimeoutMs,
      relistMs: resyncMs,
      onEvent: ({ type, object }) =>
        onEvent({ meta: metaOf(id, object), type: EVENT_TYPE[type], object: object as ResourceEvent['object'] }),
    });
    this.#reflectors.push(reflector);
    reflector.start();
  }

  /** CRDs come from crds/, by kubectl or Helm: an operator that installs its own needs rights over all CRDs. */
  protected override async registerCustomResourceDefinition(): Promise<never> {
    throw new Error('CRDs are installed from crds/, not by the operator');
  }

  #scheduleResync(): void {
    const { clock, resyncMs = DEFAULT_RESYNC_MS } = this.#options;
    this.#cancelResync = clock.after(resyncMs * (0.9 + 0.2 * clock.random()), () => {
      for (const store of this.#stores.keys()) {
        store.resync();
      }
      this.#scheduleResync();
    });
  }
}

/**
 * The base constructor reads the default kubeconfig, wanted or not, and throws when that file is broken, even though
 * ours is passed in. It is synchronous, so it can be kept from reading for as long as it runs.
 */
function withoutDefaultConfig<T>(construct: () => T): T {
  const { prototype } = KubeConfig;
  const original = Object.getOwnPropertyDescriptor(prototype, 'loadFromDefault') ?? {};
  prototype.loadFromDefault = function loadNothing(this: KubeConfig): void {
    const cluster = { name: 'unused', server: 'https://unused.invalid', skipTLSVerify: false };
    this.loadFromClusterAndUser(cluster, { name: 'unused' });
  };
  try {
    return construct();
  } finally {
    Object.defineProperty(prototype, 'loadFromDefault', original);
  }
}

/** The base class logs whole sentences; they become the message of a line of their own. */
function lineLogger(log: Logger): OperatorLogger {
  return {
    debug: (message) => log.debug(message),
    info: (message) => log.info(message),
    warn: (message) => log.warn(message),
    error: (message) => log.error(message),
  };
}

/** The base class names a kind `plural.group/version`. */
function resourceById(id: string): Resource {
  const dot = id.indexOf('.');
  return resourceByPlural(id.slice(dot + 1), id.slice(0, dot));
}

function refOf(meta: ResourceMeta): ObjectRef {
  return { resource: resourceById(meta.id), namespace: meta.namespace, name: meta.name };
}

function identityOf(meta: ResourceMeta): KubeObject {
  const { apiVersion, kind, name, namespace, resourceVersion } = meta;
  return { apiVersion, kind, metadata: { name, resourceVersion, ...(namespace === undefined ? {} : { namespace }) } };
}

function metaOf(id: string, object: KubeObject): ResourceMeta {
  const { name, namespace, resourceVersion = '' } = object.metadata;
  const { apiVersion, kind } = object;
  return { id, name, resourceVersion, apiVersion, kind, ...(namespace === undefined ? {} : { namespace }) };
}

const STATUS = { subresource: 'status' } as const;
const EVENT_TYPE = {
  ADDED: dotI.ResourceEventType.Added,
  MODIFIED: dotI.ResourceEventType.Modified,
  DELETED: dotI.ResourceEventType.Deleted,
} as const;
const DEFAULT_RESYNC_MS = 600_000;
