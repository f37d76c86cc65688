import { describe, expect, it } from 'vitest';
import { ApiError } from '../api/errors.ts';
import { connectionError, parseRetryAfter } from './transport.ts';

describe('Retry-After', () => {
  const now = Date.parse('2026-11-22T10:00:00Z');
  it.each([
    ['seconds', '3', 3000],
    ['none', undefined, undefined],
    ['empty', '', undefined],
    ['a date', 'Sun, 22 Nov 2026 10:00:30 GMT', 30_000],
    ['a date that is over', 'Sun, 22 Nov 2026 09:00:00 GMT', 0],
    ['nonsense', 'soon', undefined],
    ['a negative number', '-5', 0],
    ['a day, which is not believed', '86400', 300_000],
    ['several', ['2', '9'], 2000],
  ])('%s', (_name, header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });
});

describe('connectionError', () => {
  const server = new URL('https://192.0.2.1:6443');
  const coded = (code: string) => Object.assign(new Error('socket'), { code });
  it.each([
    ['a reset', coded('ECONNRESET'), 'ConnectionFailed', 'connection to 192.0.2.1:6443 failed: ECONNRESET'],
    ['silence in the headers', coded('UND_ERR_HEADERS_TIMEOUT'), 'Timeout', 'no answer from 192.0.2.1:6443 in time'],
    ['silence in the body', coded('UND_ERR_BODY_TIMEOUT'), 'Timeout', 'no answer from 192.0.2.1:6443 in time'],
    ['our own deadline', new DOMException('late', 'TimeoutError'), 'Timeout', 'no answer from 192.0.2.1:6443 in time'],
    [
      'a broken stream',
      new Error('ended early'),
      'ConnectionFailed',
      'connection to 192.0.2.1:6443 failed: ended early',
    ],
  ])('%s', (_name, error, code, message) => {
    expect(connectionError(error, server, undefined)).toMatchObject({ status: 0, code, message });
  });

  it('keeps what the server said', () => {
    const said = new ApiError(409, 'Conflict', 'changed');
    expect(connectionError(said, server, undefined)).toBe(said);
  });

  it('is the reason of the caller who gave up', () => {
    const signal = AbortSignal.abort('enough');
    expect(connectionError(coded('UND_ERR_ABORTED'), server, signal)).toBe('enough');
  });
});
