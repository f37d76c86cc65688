/**
 * The copy of one kind of object that Bulkhead keeps in memory: only the fields it uses, found by namespace and name.
 *
 * Fed by a reflector, and by what we ourselves have written: a write is visible to the next reader at once, and an older
 * event that arrives later does not undo it. Ten thousand pods are kept as projections, never whole.
 */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../api/v1alpha1/types.ts';
import type { ObjectEvent } from './reflector.ts';
import type { Resource } from './resources.ts';

/** Where an object is; `namespace` is empty for cluster-scoped kinds. */
export interface ObjectKey {
  namespace: string;
  name: string;
}

export interface StoreOptions<T> {
  resource: Resource;
  /** Follow one namespace; all when absent. */
  namespace?: string;
  labelSelector?: string;
  /** What to keep of an object. Must copy what it keeps and nothing more; throwing drops the object and is logged. */
  project: (raw: KubeObject) => T;
  /**
   * Called after the store has changed, and only when the projection has: `object` undefined means deleted, `previous`
   * undefined means new. Should only note what to do; throwing is logged and harms nobody else.
   */
  onChange?: (key: ObjectKey, object: T | undefined, previous: T | undefined) => void;
  /** Call `onChange` for every object now and then, so that whatever was missed is made good. */
  resync?: boolean;
}

/** What readers see of a store. */
export interface Store<T> {
  /** Whether the first list is in. */
  readonly synced: boolean;
  readonly size: number;
  get(namespace: string, name: string): T | undefined;
  /** Of one namespace, or of all. */
  list(namespace?: string): T[];
  /** Takes over the API server's answer to a write, so that the next read sees it. */
  put(raw: KubeObject): void;
}

interface Entry<T> {
  version: string;
  object: T;
}

export class ObjectStore<T> implements Store<T> {
  readonly options: StoreOptions<T>;
  readonly #namespaces = new Map<string, Map<string, Entry<T>>>();
  readonly #onPut: (raw: KubeObject) => void;
  #size = 0;
  #newest = '';
  #synced = false;

  /** @param onPut - told of objects that came from a write, see Reflector.expect. */
  constructor(options: StoreOptions<T>, onPut: (raw: KubeObject) => void = () => {}) {
    this.options = options;
    this.#onPut = onPut;
  }

  get synced(): boolean {
    return this.#synced;
  }

  /** The first list is in. */
  markSynced(): void {
    this.#synced = true;
  }

  get size(): number {
    return this.#size;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#namespaces.get(namespace)?.get(name)?.object;
  }

  list(namespace?: string): T[] {
    const groups = namespace === undefined ? [...this.#namespaces.values()] : [this.#namespaces.get(namespace)];
    return groups.flatMap((group) => (group === undefined ? [] : Array.from(group.values(), (entry) => entry.object)));
  }

  put(raw: KubeObject): void {
    const version = raw.metadata.resourceVersion ?? '';
    // When the watch is already past the write it has told us all of it, a later deletion included.
    if (version !== this.#newest && !isOlder(version, this.#newest)) {
      this.#onPut(raw);
      this.#set(raw, version);
    }
  }

  /** An event of the reflector. */
  accept(event: ObjectEvent): void {
    const version = event.object.metadata.resourceVersion ?? '';
    if (!isOlder(version, this.#newest)) {
      this.#newest = version;
    }
    if (event.type === 'DELETED') {
      this.#delete(event.object, version);
    } else {
      this.#set(event.object, version);
    }
  }

  /** Calls `onChange` for every object, as if each had just been seen, where the options ask for it. */
  resync(): void {
    if (this.options.resync !== true) {
      return;
    }
    for (const [namespace, group] of this.#namespaces) {
      for (const [name, { object }] of group) {
        this.options.onChange?.({ namespace, name }, object, object);
      }
    }
  }

  #set(raw: KubeObject, version: string): void {
    const key = keyOf(raw);
    const group = this.#namespaces.get(key.namespace) ?? new Map<string, Entry<T>>();
    const before = group.get(key.name);
    if (before !== undefined && isOlder(version, before.version)) {
      return;
    }
    const object = this.options.project(raw);
    this.#namespaces.set(key.namespace, group);
    group.set(key.name, { version, object });
    this.#size += before === undefined ? 1 : 0;
    if (!isDeepStrictEqual(before?.object, object)) {
      this.options.onChange?.(key, object, before?.object);
    }
  }

  #delete(raw: KubeObject, version: string): void {
    const key = keyOf(raw);
    const group = this.#namespaces.get(key.namespace);
    const before = group?.get(key.name);
    if (group === undefined || before === undefined || isOlder(version, before.version)) {
      return;
    }
    group.delete(key.name);
    this.#size -= 1;
    if (group.size === 0) {
      this.#namespaces.delete(key.namespace);
    }
    this.options.onChange?.(key, undefined, before.object);
  }
}

/**
 * Whether resource version `a` is earlier than `b`. Versions of one kind are decimal numbers that grow (guaranteed since
 * Kubernetes 1.35, true of etcd ever since), in principle too long for a double. Where one is not a number the answer is
 * no: then every event is taken as it comes.
 */
export function isOlder(a: string, b: string): boolean {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) {
    return false;
  }
  return a.length === b.length ? a < b : a.length < b.length;
}

function keyOf(raw: KubeObject): ObjectKey {
  return { namespace: raw.metadata.namespace ?? '', name: raw.metadata.name };
}
