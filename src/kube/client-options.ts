/**
 * What the calls of `client.ts` take and give.
 */
import type { KubeObject } from '../api/v1alpha1/types.ts';

export interface ListOptions {
  /** All namespaces when absent. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface ListPage<T> {
  items: T[];
  /** Of the whole list; the same on every page. */
  resourceVersion: string;
}

export interface WriteOptions {
  /** Checked and admitted, but not stored. */
  dryRun?: boolean;
  /** `status` and the like; the object itself when absent. */
  subresource?: string;
  /** Server-side apply: take fields over from other managers. */
  force?: boolean;
  signal?: AbortSignal | undefined;
}

export interface Patch {
  /** `merge` is RFC 7386 (null deletes), `json` is RFC 6902. */
  type: 'merge' | 'json';
  body: unknown;
}

export interface DeleteOptions {
  /** Delete only this very object, not a later one of the same name. */
  uid?: string | undefined;
  resourceVersion?: string | undefined;
  /** Seconds; the kind's default when absent. */
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  signal?: AbortSignal | undefined;
}

export interface WatchOptions extends ListOptions {
  /** Events after this version. */
  resourceVersion: string;
  /** The server ends the watch by itself after so long. */
  timeoutSeconds: number;
  /** Milliseconds of silence, bookmarks included, after which the connection counts as dead. */
  idleTimeoutMs: number;
  signal: AbortSignal;
}

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: KubeObject;
}
