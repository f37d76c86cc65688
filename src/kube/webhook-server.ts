/**
 * The HTTPS server that the API server asks: reads an AdmissionReview, hands it to a handler, answers.
 *
 * Knows nothing of what is decided. Whatever goes wrong here is an HTTP error, which the API server treats as no answer, so
 * that failurePolicy decides: nothing is let in by mistake. Bodies are bounded while they arrive, and slow clients are cut
 * off, because everything in the cluster may connect.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { AdmissionHandler } from '../api/admission-review.ts';
import type { KeyedCertificate } from './certs.ts';
import { decodeReview, encodeReview, NotAReview } from './webhook-review.ts';

/** What became of one request; for metrics and logs. */
export interface WebhookRequestEvent {
  /** One of the paths served, or `other`. */
  path: string;
  status: number;
  outcome: 'allowed' | 'refused' | 'error';
  durationMs: number;
  /** What was thrown, where something was. */
  error?: unknown;
}

export interface WebhookServerOptions {
  handlers: Readonly<Record<string, AdmissionHandler>>;
  onRequest?(event: WebhookRequestEvent): void;
  limits?: Partial<WebhookLimits>;
}

export interface WebhookLimits {
  /** Bytes. The API server itself takes no request above 3 MiB. */
  maxBodyBytes: number;
  /** Milliseconds until headers and body are there. */
  receiveTimeoutMs: number;
  /** Milliseconds for the handler: less than the webhook's own timeout, so that the reason still arrives. */
  handlerTimeoutMs: number;
}

export class WebhookServer {
  readonly #server: Server;
  readonly #options: WebhookServerOptions;
  readonly #limits: WebhookLimits;
  #draining = false;

  constructor(options: WebhookServerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#server = createServer(
      {
        minVersion: 'TLSv1.2',
        handshakeTimeout: this.#limits.receiveTimeoutMs,
        requestTimeout: this.#limits.receiveTimeoutMs,
        headersTimeout: this.#limits.receiveTimeoutMs,
        connectionsCheckingInterval: Math.ceil(this.#limits.receiveTimeoutMs / 2),
        keepAliveTimeout: KEEP_ALIVE_MS,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Serves this certificate from the next handshake on. Call before `listen`, and again with every new leaf. */
  useCertificate({ certificatePem, keyPem }: KeyedCertificate): void {
    this.#server.setSecureContext({ cert: certificatePem, key: keyPem, minVersion: 'TLSv1.2' });
  }

  /** @returns the port, which the system chose when `port` is 0. */
  listen(port: number, host?: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Answers what has been asked, takes nothing new, and cuts off after the grace time. */
  close(graceMs: number): Promise<void> {
    this.#draining = true;
    return new Promise((resolve) => {
      const cutOff = setTimeout(() => this.#server.closeAllConnections(), graceMs);
      this.#server.close(() => {
        clearTimeout(cutOff);
        resolve();
      });
      this.#server.closeIdleConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = performance.now();
    const [path = ''] = (request.url ?? '').split('?', 1);
    const answer = await this.#answer(path, request);
    if (this.#draining) {
      response.setHeader('connection', 'close');
    }
    response.writeHead(answer.status, {
      'content-type': answer.status === 200 ? 'application/json' : 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(answer.body),
    });
    response.write(answer.body);
    await untilReceived(request);
    response.end();
    this.#options.onRequest?.({
      path: Object.hasOwn(this.#options.handlers, path) ? path : 'other',
      status: answer.status,
      outcome: answer.outcome,
      durationMs: performance.now() - startedMs,
      ...('error' in answer ? { error: answer.error } : {}),
    });
  }

  async #answer(path: string, request: IncomingMessage): Promise<Answer> {
    const handler = Object.hasOwn(this.#options.handlers, path) ? this.#options.handlers[path] : undefined;
    try {
      if (handler === undefined) {
        throw new HttpError(404, 'there is no webhook at this path');
      }
      const review = decodeReview(await this.#readBody(request));
      const decision = await within(this.#limits.handlerTimeoutMs, handler(review));
      return {
        status: 200,
        outcome: decision.allowed ? 'allowed' : 'refused',
        body: encodeReview(review.uid, decision),
      };
    } catch (error) {
      return failure(error);
    }
  }

  async #readBody(request: IncomingMessage): Promise<string> {
    const { maxBodyBytes } = this.#limits;
    const tooLarge = new HttpError(413, `the body is larger than ${maxBodyBytes} bytes`);
    if (request.method !== 'POST') {
      throw new HttpError(405, 'only POST is served');
    }
    if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) {
      throw new HttpError(415, 'the content type must be application/json');
    }
    if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) {
      throw tooLarge;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    // Unlike iteration, listening leaves the connection open after a refusal, so that the client gets to read it.
    return new Promise((resolve, reject) => {
      request.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBodyBytes) {
          chunks.length = 0;
          reject(tooLarge);
        } else {
          chunks.push(chunk);
        }
      });
      request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
      request.on('error', (error) => reject(new HttpError(400, 'the body did not arrive whole', { cause: error })));
    });
  }
}

interface Answer {
  status: number;
  outcome: WebhookRequestEvent['outcome'];
  body: string;
  error?: unknown;
}

/** The client's mistake, or nothing that can be served. */
class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

function failure(error: unknown): Answer {
  if (error instanceof HttpError) {
    return { status: error.status, outcome: 'error', body: `${error.message}\n`, error };
  }
  if (error instanceof NotAReview) {
    return { status: 400, outcome: 'error', body: `not an AdmissionReview: ${error.message}\n`, error };
  }
  // What went wrong inside is for the log: the answer ends up with whoever made the request.
  return { status: 500, outcome: 'error', body: 'the review failed inside Bulkhead; its log says why\n', error };
}

/**
 * Waits for the rest of a body that nobody wants, and drops it: closing earlier would reset the connection under a client
 * that still writes, and it would never read the answer. `receiveTimeoutMs` bounds the wait.
 */
async function untilReceived(request: IncomingMessage): Promise<void> {
  if (!request.complete && !request.destroyed) {
    request.resume();
    await new Promise((resolve) => request.once('end', resolve).once('close', resolve));
  }
}

async function within<T>(timeoutMs: number, work: T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the handler took longer than ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

const DEFAULT_LIMITS: WebhookLimits = {
  maxBodyBytes: 3 * 1024 * 1024,
  receiveTimeoutMs: 10_000,
  handlerTimeoutMs: 2_500,
};

/** Longer than the 90 s for which the API server (Go's http.Transport) keeps an idle connection: it must close first. */
const KEEP_ALIVE_MS = 120_000;
/** With a full body each, 3 GiB: an upper bound against a flood, far above what API servers open. */
const MAX_CONNECTIONS = 1024;
const JSON_TYPE = /^application\/json\s*(;|$)/i;
