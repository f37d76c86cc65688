import { describe, expect, test } from 'vitest';
import { INDICATORS } from './indicators.ts';
import { parseNameList, worstEntry } from './name-list.ts';

const LIST = parseNameList(`
# comment
example.com          brand     any     a
tunnel.example.com   agent     any     b
relay*.example.com   agent     any     c
serve.net            agent     nonweb  d
serve.net            endpoint  any     e
hook.site            endpoint* any     f
pool.org             agent     22,3333 g
`);

describe('lookup', () => {
  test.each([
    ['example.com', 443, 'brand'],
    ['www.example.com', 443, 'brand'],
    ['a.b.example.com', 443, 'brand'],
    ['x.tunnel.example.com', 443, 'agent'],
    ['relay.example.com', 443, 'agent'],
    ['relay-eu-1.example.com', 443, 'agent'],
    ['x.relay2.example.com', 443, 'agent'],
    ['myrelay.example.com', 443, 'brand'],
    ['notexample.com', 443, undefined],
    ['example.com.other.org', 443, undefined],
    ['com', 443, undefined],
    ['', 443, undefined],
    ['serve.net', 22, 'agent'],
    ['x.serve.net', 22, 'agent'],
    ['serve.net', 443, 'brand'],
    ['www.serve.net', 80, 'brand'],
    ['x.serve.net', 443, 'endpoint'],
    ['x.serve.net', undefined, 'endpoint'],
    ['hook.site', 443, 'endpoint'],
    ['pool.org', 3333, 'agent'],
    ['pool.org', 443, undefined],
    ['pool.org', undefined, undefined],
  ])('%s on port %s: %s', (name, port, role) => {
    expect(LIST.lookup(name, port)?.role).toBe(role);
  });

  test('of several names the worst counts', () => {
    expect(worstEntry(LIST, ['example.com', 'tunnel.example.com', 'hook.site'], 443)?.role).toBe('agent');
    expect(worstEntry(LIST, ['other.org'], 443)).toBeUndefined();
  });
});

test.each([
  ['no role', 'example.com'],
  ['a role that does not exist', 'example.com owner any x'],
  ['no source', 'example.com agent any'],
])('a list with %s is not accepted', (_name, line) => {
  expect(() => parseNameList(line)).toThrow(line);
});

describe('the lists that ship', () => {
  test('hold what they should: sizes only fall when somebody removes lines', () => {
    expect(INDICATORS.tunnels.size).toBeGreaterThanOrEqual(130);
    expect(INDICATORS.pools.size).toBeGreaterThanOrEqual(95);
  });

  test.each([
    'mooo.com',
    'x.ddns.net',
    'y.dyndns.org',
    'z.webhop.net',
    'app.workers.dev',
    'site.pages.dev',
    'bucket.s3.amazonaws.com',
    'x.vercel.app',
    'api.openai.com',
    '0.pool.ntp.org',
  ])('leave %s alone: everybody is below it', (name) => {
    expect(INDICATORS.tunnels.lookup(name, 443)).toBeUndefined();
    expect(INDICATORS.pools.lookup(name, 3333)).toBeUndefined();
  });
});
