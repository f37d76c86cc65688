/**
 * HTTP to the API server: credentials, TLS and connections, each kept for as long as it is good.
 *
 * `@kubernetes/client-node` supplies authentication (tokens, client certificates, exec plugins, in-cluster) but builds a
 * new connection pool for every request: 500 calls were 500 TLS handshakes. So only its credentials are used, and one
 * pool is kept per set of TLS material; a rotated certificate gets a new pool. JSON and errors are `client.ts`.
 */
import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { ApiError } from '../api/errors.ts';

export interface TransportRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query, such as `/api/v1/pods?limit=1`. */
  path: string;
  contentType?: string;
  body?: string;
  /** Milliseconds until headers are there. */
  headersTimeoutMs: number;
  /** Milliseconds without a byte of the body after which the connection counts as dead. */
  idleTimeoutMs: number;
  signal: AbortSignal;
}

export interface TransportResponse {
  status: number;
  /** Milliseconds from Retry-After, when the server sent one. */
  retryAfterMs: number | undefined;
  body: Dispatcher.ResponseData['body'];
}

/** Connections to one API server with one identity. */
export class Transport {
  readonly server: URL;
  readonly #config: KubeConfig;
  readonly #pools = new Map<string, Dispatcher>();
  #credentials: { headers: Record<string, string>; pool: Dispatcher; readAtMs: number } | undefined;

  constructor(config: KubeConfig) {
    const cluster = config.getCurrentCluster();
    if (cluster === null) {
      throw new Error('the kubeconfig has no current cluster');
    }
    this.#config = config;
    this.server = new URL(cluster.server);
  }

  /**
   * Sends a request and resolves with its headers; the body must be read or destroyed by the caller.
   *
   * @throws ApiError with status 0 when the server cannot be reached or does not answer in time.
   */
  async send(request: TransportRequest): Promise<TransportResponse> {
    const { headers, pool } = await this.#authenticate();
    const pending = pool.request({
      origin: this.server.origin,
      path: this.server.pathname.replace(/\/$/, '') + request.path,
      method: request.method,
      headers: {
        accept: 'application/json',
        'user-agent': USER_AGENT,
        ...(request.contentType === undefined ? {} : { 'content-type': request.contentType }),
        ...headers,
      },
      body: request.body ?? null,
      headersTimeout: request.headersTimeoutMs,
      bodyTimeout: request.idleTimeoutMs,
      signal: request.signal,
    });
    const response = await orAborted(pending, request.signal);
    if (response.statusCode === 401) {
      this.#credentials = undefined;
    }
    return {
      status: response.statusCode,
      retryAfterMs: parseRetryAfter(response.headers['retry-after']),
      body: response.body,
    };
  }

  /** Ends every connection, also those of running watches. */
  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
    this.#pools.clear();
    this.#credentials = undefined;
  }

  async #authenticate(): Promise<{ headers: Record<string, string>; pool: Dispatcher }> {
    const known = this.#credentials;
    if (known !== undefined && performance.now() - known.readAtMs < CREDENTIALS_TTL_MS) {
      return known;
    }
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      headers[name] = String(value);
    }
    if (typeof options.auth === 'string') {
      headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    }
    const pool = this.#poolFor(options);
    this.#credentials = { headers, pool, readAtMs: performance.now() };
    return this.#credentials;
  }

  #poolFor(options: RequestOptions): Dispatcher {
    const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
    const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
    const id = createHash('sha256').update(JSON.stringify(tls)).digest('hex');
    let pool = this.#pools.get(id);
    if (pool === undefined) {
      for (const old of this.#pools.values()) {
        // Running requests and watches of the old identity end by themselves; close() waits for them.
        void old.close();
      }
      this.#pools.clear();
      pool = this.#makePool(definedOnly(tls));
      this.#pools.set(id, pool);
    }
    return pool;
  }

  #makePool(tls: RequestOptions): Dispatcher {
    const options = this.#config.createDispatcherOptions(this.#config.getCurrentCluster(), tls as object);
    const pool = {
      connections: MAX_CONNECTIONS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      allowH2: false,
    };
    switch (options.type) {
      case 'agent':
        return new Agent({ ...pool, connect: options.connect });
      case 'proxy':
        return new ProxyAgent({ ...pool, uri: options.uri, requestTls: options.requestTls, connect: options.connect });
      case 'none':
        return new Agent(pool);
      case 'socks':
        throw new Error('a SOCKS proxy-url in the kubeconfig is not supported; use an HTTP proxy');
    }
  }
}

/**
 * The error a failed request means, or the abort reason when the caller gave up.
 *
 * @param server - for the message; host and port only.
 */
export function connectionError(error: unknown, server: URL, callerSignal: AbortSignal | undefined): unknown {
  if (error instanceof ApiError) {
    return error;
  }
  if (callerSignal?.aborted) {
    return callerSignal.reason;
  }
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  if (name === 'TimeoutError' || (code !== undefined && TIMEOUT_CODES.has(code))) {
    return new ApiError(0, 'Timeout', `no answer from ${server.host} in time`, { cause: error });
  }
  return new ApiError(0, 'ConnectionFailed', `connection to ${server.host} failed: ${code ?? message ?? 'unknown'}`, {
    cause: error,
  });
}

/** Retry-After in seconds or as a date, as milliseconds from now; undefined when absent or not understood. */
export function parseRetryAfter(value: string | string[] | undefined, now: number = Date.now()): number | undefined {
  const text = Array.isArray(value) ? value[0] : value;
  if (text === undefined || text.trim() === '') {
    return undefined;
  }
  const seconds = Number(text);
  const waitMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text) - now;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), MAX_RETRY_AFTER_MS);
}

/** The pool notices an aborted request only once it is connected, which a silent peer puts off. */
function orAborted(pending: Promise<Dispatcher.ResponseData>, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason);
      // Whatever still arrives has nobody to read it.
      pending.then(
        ({ body }) => discard(body),
        () => {},
      );
    };
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    const settled = (): void => signal.removeEventListener('abort', abort);
    pending.then(resolve, reject).finally(settled);
  });
}

/** Ends an answer that nobody will read on; its connection is closed if there was more to come. */
export function discard(body: TransportResponse['body']): void {
  body.on('error', () => {}).destroy();
}

function definedOnly<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

const USER_AGENT = 'bulkhead';
/** Tokens are re-read every minute by kubelet's contract; certificates of an exec plugin may live for minutes. */
const CREDENTIALS_TTL_MS = 10_000;
/** Watches (about ten) and concurrent reconciles (about ten) with room; HTTP/1.1 has one request at a time on each. */
const MAX_CONNECTIONS = 64;
/** A handshake takes three round trips; whoever needs longer is not there. */
const CONNECT_TIMEOUT_MS = 5000;
/** Below the idle timeouts of the API server (90 s) and of cloud load balancers (60 s and more). */
const KEEP_ALIVE_MS = 30_000;
/** A server that asks for more is not believed. */
const MAX_RETRY_AFTER_MS = 300_000;
const TIMEOUT_CODES = new Set([
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'ETIMEDOUT',
]);
