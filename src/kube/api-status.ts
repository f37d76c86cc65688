/**
 * Reads what the API server says when it says no: a Status object, or whatever a proxy in between made of it.
 */
import { ApiError } from '../api/errors.ts';

/** metav1.Status, as far as it is used. Anything may be missing. */
export interface Status {
  reason?: string;
  message?: string;
  code?: number;
  details?: { retryAfterSeconds?: number; causes?: { field?: string }[] };
}

/** @param retryAfterMs - from the header, which wins over the Status. */
export function errorFromBody(text: string, httpStatus: number, retryAfterMs: number | undefined): ApiError {
  return errorFromStatus(parseStatus(text), httpStatus, retryAfterMs);
}

export function errorFromStatus(status: Status, httpStatus: number, retryAfterMs: number | undefined): ApiError {
  const code = typeof status.code === 'number' ? status.code : httpStatus;
  const message = textOr(status.message, `status ${code}`);
  if (code === 422 && status.details?.causes?.some(({ field }) => field === 'metadata.uid')) {
    // Some verbs answer a wrong UID with 409, others with 422. It always means that another object has the name now.
    return new ApiError(409, 'UidMismatch', message);
  }
  const asked = retryAfterMs ?? secondsToMs(status.details?.retryAfterSeconds);
  return new ApiError(code, textOr(status.reason, `Http${code}`), message, { retryAfterMs: asked });
}

/** Load balancers answer with anything, so nothing is taken for granted. */
function parseStatus(text: string): Status {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return { message: text };
  }
}

function textOr(text: unknown, fallback: string): string {
  return typeof text === 'string' && text !== '' ? text.slice(0, MAX_TEXT) : fallback;
}

function secondsToMs(seconds: unknown): number | undefined {
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined;
}

/** Admission errors quote whole objects. */
const MAX_TEXT = 2048;
