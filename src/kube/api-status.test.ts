import { expect, it } from 'vitest';
import { errorFromBody } from './api-status.ts';

const rows: [string, string, number, object][] = [
  [
    'a Status',
    '{"kind":"Status","reason":"Conflict","message":"changed","code":409}',
    409,
    { status: 409, code: 'Conflict', message: 'changed', retryAfterMs: undefined },
  ],
  [
    'a Status that asks for patience',
    '{"reason":"TooManyRequests","message":"busy","details":{"retryAfterSeconds":2}}',
    429,
    { status: 429, retryAfterMs: 2000 },
  ],
  [
    "a UID that is not the object's, said as invalid",
    '{"reason":"Invalid","code":422,"message":"no","details":{"causes":[{"field":"metadata.uid"}]}}',
    422,
    { status: 409, code: 'UidMismatch' },
  ],
  [
    'any other invalid field',
    '{"reason":"Invalid","code":422,"message":"no","details":{"causes":[{"field":"spec"}]}}',
    422,
    { status: 422, code: 'Invalid' },
  ],
  [
    'a page of a load balancer',
    '<html>bad gateway</html>',
    502,
    { status: 502, code: 'Http502', message: '<html>bad gateway</html>' },
  ],
  ['nothing', '', 503, { status: 503, code: 'Http503', message: 'status 503' }],
  ['JSON of another kind', '[null]', 500, { status: 500, code: 'Http500', message: 'status 500' }],
  ['null', 'null', 500, { status: 500, code: 'Http500' }],
  ['fields of the wrong type', '{"reason":7,"message":{},"code":"x"}', 500, { status: 500, code: 'Http500' }],
];
it.each(rows)('the error of %s', (_name, body, status, expected) => {
  expect(errorFromBody(body, status, undefined)).toMatchObject(expected);
});

it('a long message is cut', () => {
  expect(errorFromBody('x'.repeat(10_000), 500, undefined).message).toHaveLength(2048);
});

it('the header wins over the Status', () => {
  const body = '{"details":{"retryAfterSeconds":2}}';
  expect(errorFromBody(body, 429, 7000).retryAfterMs).toBe(7000);
});
