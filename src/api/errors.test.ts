import { describe, expect, it } from 'vitest';
import { ApiError, type ErrorKind, errorKind, isApiStatus, TerminalError, TransientError } from './errors.ts';

describe('errorKind', () => {
  const rows: [string, unknown, ErrorKind][] = [
    [
      'a transient error keeps its wait',
      new TransientError('QuotaFull', 'full', { retryAfterMs: 50 }),
      { kind: 'transient', code: 'QuotaFull', retryAfterMs: 50 },
    ],
    [
      'a terminal error is terminal',
      new TerminalError('NameConflict', 'taken'),
      { kind: 'terminal', code: 'NameConflict' },
    ],
    ['an invalid object stays invalid', new ApiError(422, 'Invalid', 'no'), { kind: 'terminal', code: 'Invalid' }],
    [
      'a conflict passes',
      new ApiError(409, 'Conflict', 'changed'),
      { kind: 'transient', code: 'Conflict', retryAfterMs: undefined },
    ],
    [
      'a busy server says when to come back',
      new ApiError(429, 'TooManyRequests', 'busy', { retryAfterMs: 2000 }),
      { kind: 'transient', code: 'TooManyRequests', retryAfterMs: 2000 },
    ],
    [
      'a missing permission may be granted',
      new ApiError(403, 'Forbidden', 'no'),
      { kind: 'transient', code: 'Forbidden', retryAfterMs: undefined },
    ],
    [
      'no answer passes',
      new ApiError(0, 'ConnectionFailed', 'reset'),
      { kind: 'transient', code: 'ConnectionFailed', retryAfterMs: undefined },
    ],
    ['any other error is a bug', new TypeError('x is undefined'), { kind: 'bug', code: 'InternalError' }],
    ['a thrown string is a bug', 'oops', { kind: 'bug', code: 'InternalError' }],
  ];
  it.each(rows)('%s', (_name, error, expected) => {
    expect(errorKind(error)).toEqual(expected);
  });
});

it('isApiStatus tells API answers from other errors', () => {
  expect(isApiStatus(new ApiError(404, 'NotFound', 'gone'), 404, 410)).toBe(true);
  expect(isApiStatus(new ApiError(500, 'InternalError', 'no'), 404)).toBe(false);
  expect(isApiStatus(Object.assign(new Error('no'), { status: 404 }), 404)).toBe(false);
});
