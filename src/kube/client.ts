/**
 * The API server as raw JSON: get, list by pages, create, apply, patch, replace, delete, watch.
 *
 * Raw, because typed serializers drop fields they do not know, and a policy that lost a field is a looser policy. For
 * the same reason writes ask for strict field validation: a CRD too old for a deny rule must refuse it, not prune it.
 * Every call has a deadline. Trying again is the business of `work-queue.ts`, keeping a copy that of `reflector.ts`.
 */
import { isApiStatus } from '../api/errors.ts';
import type { KubeObject } from '../api/v1alpha1/types.ts';
import { errorFromBody, errorFromStatus, type Status } from './api-status.ts';
import type {
  DeleteOptions,
  ListOptions,
  ListPage,
  Patch,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './client-options.ts';
import { readJsonLines } from './json-lines.ts';
import { collectionPath, type ObjectRef, objectPath, type Resource } from './resources.ts';
import {
  connectionError,
  discard,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from './transport.ts';

/** Told of every finished request: what rest_client_* metrics count. `status` is 0 when there was no answer. */
export type RequestObserver = (request: { method: string; host: string; status: number; seconds: number }) => void;

export interface KubeClientOptions {
  transport: Transport;
  /** Name under which server-side apply and other writes are recorded. */
  fieldManager: string;
  /** Milliseconds a whole call may take. Default 15 000: below the 30 s of an admission chain, above a slow list page. */
  timeoutMs?: number;
  observe?: RequestObserver;
}

/** @example await client.get<Pod>({ resource: RESOURCES.pods, namespace: 'agents', name: 'a-1' }) */
export class KubeClient {
  readonly #transport: Transport;
  readonly #fieldManager: string;
  readonly #timeoutMs: number;
  readonly #observe: RequestObserver;

  constructor(options: KubeClientOptions) {
    this.#transport = options.transport;
    this.#fieldManager = options.fieldManager;
    this.#timeoutMs = options.timeoutMs ?? 15_000;
    this.#observe = options.observe ?? (() => {});
  }

  /** The object, or undefined when there is none. */
  async get<T extends KubeObject>(ref: ObjectRef, signal?: AbortSignal): Promise<T | undefined> {
    try {
      return (await this.#call('GET', objectPath(ref), { signal })) as T;
    } catch (error) {
      if (isApiStatus(error, 404)) {
        return undefined;
      }
      throw error;
    }
  }

  /**
   * The list, page by page, in one consistent version. Throws ApiError 410 when the list took so long that the server
   * forgot that version: start again.
   */
  async *pages<T extends KubeObject>(
    resource: Resource,
    options: ListOptions = {},
    pageSize: number = PAGE_SIZE,
  ): AsyncGenerator<ListPage<T>> {
    let next: string | undefined;
    do {
      const query = { ...selectorsOf(options), limit: String(pageSize), continue: next };
      const path = collectionPath(resource, options.namespace) + queryString(query);
      const list = (await this.#call('GET', path, { signal: options.signal })) as RawList<T>;
      for (const item of list.items) {
        // Items of a list carry neither; the list says it for all of them.
        item.apiVersion = list.apiVersion;
        item.kind = list.kind.replace(/List$/, '');
      }
      yield { items: list.items, resourceVersion: list.metadata.resourceVersion };
      next = list.metadata.continue;
    } while (next !== undefined && next !== '');
  }

  /** The whole list at once; for kinds that are few. */
  async list<T extends KubeObject>(resource: Resource, options: ListOptions = {}): Promise<T[]> {
    const items: T[] = [];
    for await (const page of this.pages<T>(resource, options)) {
      items.push(...page.items);
    }
    return items;
  }

  /** Creates; ApiError 409 AlreadyExists when the name is taken. */
  async create<T extends KubeObject>(resource: Resource, object: T, options: WriteOptions = {}): Promise<T> {
    const path = collectionPath(resource, object.metadata.namespace) + this.#writeQuery(options);
    return (await this.#call('POST', path, { body: object, signal: options.signal })) as T;
  }

  /** PUT: the object becomes exactly this. Put a resourceVersion in it to fail on a concurrent change. */
  async replace<T extends KubeObject>(resource: Resource, object: T, options: WriteOptions = {}): Promise<T> {
    const path = pathOf(resource, object, options) + this.#writeQuery(options);
    return (await this.#call('PUT', path, { body: object, signal: options.signal })) as T;
  }

  /** Server-side apply. Ownership is not checked here: use `apply.ts` for generated objects. */
  async apply<T extends KubeObject>(resource: Resource, object: T, options: WriteOptions = {}): Promise<T> {
    const path = pathOf(resource, object, options) + this.#writeQuery(options);
    const contentType = 'application/apply-patch+yaml';
    return (await this.#call('PATCH', path, { body: object, contentType, signal: options.signal })) as T;
  }

  async patch<T extends KubeObject>(ref: ObjectRef, patch: Patch, options: WriteOptions = {}): Promise<T> {
    const path = objectPath(ref) + subresourcePart(options) + this.#writeQuery(options);
    const contentType = patch.type === 'json' ? 'application/json-patch+json' : 'application/merge-patch+json';
    return (await this.#call('PATCH', path, { body: patch.body, contentType, signal: options.signal })) as T;
  }

  /** Whether there was something to delete. ApiError 409 when a precondition does not hold. */
  async delete(ref: ObjectRef, options: DeleteOptions = {}): Promise<boolean> {
    const { uid, resourceVersion, signal, ...rest } = options;
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion }, ...rest };
    try {
      await this.#call('DELETE', objectPath(ref), { body, signal });
      return true;
    } catch (error) {
      if (isApiStatus(error, 404)) {
        return false;
      }
      throw error;
    }
  }

  /**
   * One watch, from a version until the server ends it. An ERROR event is thrown as the ApiError it carries.
   *
   * @throws ApiError: 410 when the version is too old, 0 Timeout after silence, 0 ConnectionFailed on a reset.
   */
  async *watch(resource: Resource, options: WatchOptions): AsyncGenerator<WatchEvent> {
    const query = {
      ...selectorsOf(options),
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: options.resourceVersion,
      timeoutSeconds: String(options.timeoutSeconds),
    };
    const path = collectionPath(resource, options.namespace) + queryString(query);
    const response = await this.#send({ method: 'GET', path, idleTimeoutMs: options.idleTimeoutMs }, options.signal);
    try {
      await throwUnlessOk(response);
      for await (const line of readJsonLines(response.body, MAX_EVENT_BYTES)) {
        const event = line as WatchEvent;
        if (event.type === 'ERROR') {
          throw errorFromStatus(event.object as Status, 500, undefined);
        }
        yield event;
      }
    } catch (error) {
      throw connectionError(error, this.#transport.server, options.signal);
    } finally {
      discard(response.body);
    }
  }

  /** Plurals a group version serves, or undefined when the cluster does not have it. Asks the server every time. */
  async discover(apiVersion: string): Promise<ReadonlySet<string> | undefined> {
    try {
      const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
      const list = (await this.#call('GET', path, {})) as { resources: { name: string }[] };
      return new Set(list.resources.map((resource) => resource.name));
    } catch (error) {
      if (isApiStatus(error, 404)) {
        return undefined;
      }
      throw error;
    }
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #call(
    method: TransportRequest['method'],
    path: string,
    options: { body?: unknown; contentType?: string; signal?: AbortSignal | undefined },
  ): Promise<unknown> {
    const deadline = AbortSignal.timeout(this.#timeoutMs);
    const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
    try {
      const response = await this.#send(
        {
          method,
          path,
          idleTimeoutMs: this.#timeoutMs,
          ...(options.body === undefined
            ? {}
            : { body: JSON.stringify(options.body), contentType: options.contentType ?? 'application/json' }),
        },
        signal,
      );
      await throwUnlessOk(response);
      return await response.body.json();
    } catch (error) {
      throw connectionError(error, this.#transport.server, options.signal);
    }
  }

  async #send(
    request: Omit<TransportRequest, 'headersTimeoutMs' | 'signal'>,
    signal: AbortSignal,
  ): Promise<TransportResponse> {
    const startedMs = performance.now();
    let status = 0;
    try {
      const response = await this.#transport.send({ ...request, headersTimeoutMs: this.#timeoutMs, signal });
      status = response.status;
      return response;
    } catch (error) {
      throw connectionError(error, this.#transport.server, signal);
    } finally {
      const seconds = (performance.now() - startedMs) / 1000;
      this.#observe({ method: request.method, host: this.#transport.server.host, status, seconds });
    }
  }

  #writeQuery(options: WriteOptions): string {
    return queryString({
      fieldManager: this.#fieldManager,
      fieldValidation: 'Strict',
      dryRun: options.dryRun ? 'All' : undefined,
      force: options.force ? 'true' : undefined,
    });
  }
}

interface RawList<T> {
  apiVersion: string;
  kind: string;
  metadata: { resourceVersion: string; continue?: string };
  items: T[];
}

function pathOf(resource: Resource, object: KubeObject, options: WriteOptions): string {
  const { namespace, name } = object.metadata;
  return objectPath({ resource, namespace, name }) + subresourcePart(options);
}

function subresourcePart(options: WriteOptions): string {
  return options.subresource === undefined ? '' : `/${options.subresource}`;
}

function selectorsOf(options: ListOptions): Record<string, string | undefined> {
  return { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector };
}

function queryString(fields: Record<string, string | undefined>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) {
      parameters.set(name, value);
    }
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

async function throwUnlessOk(response: TransportResponse): Promise<void> {
  if (response.status >= 200 && response.status < 300) {
    return;
  }
  const text = await response.body.text();
  throw errorFromBody(text, response.status, response.retryAfterMs);
}

/** Objects a page. 250 pods hold the event loop for 8 ms of CPU, 22 ms at most (measured with 10 000 pods of 3 KB). */
const PAGE_SIZE = 250;
/** etcd refuses objects above 1.5 MB; JSON and the event around it add less than as much again. */
const MAX_EVENT_BYTES = 16 * 1024 * 1024;
