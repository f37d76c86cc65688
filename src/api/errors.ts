/**
 * What went wrong, in the kinds that decide what happens next: try again, wait for a person, or a bug.
 *
 * Each carries a stable CamelCase `code`, which is at once the condition reason, the Event reason and the metric label.
 * Anything that is none of these is a bug: it is logged with its stack and tried again with backoff.
 */

/** Passes by itself, such as a conflict or a busy API server. */
export class TransientError extends Error {
  override readonly name: string = 'TransientError';
  readonly code: string;
  /** Milliseconds the other side asked us to wait; undefined means ordinary backoff. */
  readonly retryAfterMs: number | undefined;
  constructor(code: string, message: string, options: { retryAfterMs?: number | undefined; cause?: unknown } = {}) {
    super(message, causeOf(options.cause));
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Stays wrong until somebody changes the object or the cluster; trying again without a change is of no use. */
export class TerminalError extends Error {
  override readonly name: string = 'TerminalError';
  readonly code: string;
  constructor(code: string, message: string, options: { cause?: unknown } = {}) {
    super(message, causeOf(options.cause));
    this.code = code;
  }
}

/**
 * The API server said no, or did not answer: `status` 0 with reason `ConnectionFailed` or `Timeout`.
 *
 * `code` is the Status reason, such as Conflict, NotFound, Invalid, Forbidden, TooManyRequests.
 */
export class ApiError extends Error {
  override readonly name: string = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly retryAfterMs: number | undefined;
  constructor(
    status: number,
    code: string,
    message: string,
    options: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, causeOf(options.cause));
    this.status = status;
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The reason in the Status object; the same as `code`. */
  get reason(): string {
    return this.code;
  }
}

/** Whether the error is the API server's answer with this HTTP status. */
export function isApiStatus(error: unknown, ...statuses: readonly number[]): error is ApiError {
  return error instanceof ApiError && statuses.includes(error.status);
}

/** What a thrown value means for the one who would try again. */
export type ErrorKind =
  | { kind: 'transient'; code: string; retryAfterMs: number | undefined }
  | { kind: 'terminal'; code: string }
  | { kind: 'bug'; code: 'InternalError' };

/**
 * Sorts a thrown value. An object the API server calls invalid or malformed stays so; everything else it says may pass,
 * a missing permission too, because granting it changes no object we watch.
 */
export function errorKind(error: unknown): ErrorKind {
  if (error instanceof TerminalError) {
    return { kind: 'terminal', code: error.code };
  }
  if (error instanceof TransientError) {
    return { kind: 'transient', code: error.code, retryAfterMs: error.retryAfterMs };
  }
  if (error instanceof ApiError) {
    return LASTING.has(error.status)
      ? { kind: 'terminal', code: error.code }
      : { kind: 'transient', code: error.code, retryAfterMs: error.retryAfterMs };
  }
  return { kind: 'bug', code: 'InternalError' };
}

/** Answers that the same request gets again: malformed, not allowed here, too large, wrong type, invalid. */
const LASTING = new Set([400, 405, 413, 415, 422]);

function causeOf(cause: unknown): ErrorOptions | undefined {
  return cause === undefined ? undefined : { cause };
}
