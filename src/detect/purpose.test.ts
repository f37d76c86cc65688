import { describe, expect, test } from 'vitest';
import { sandboxOf, T0 } from '../../test/detect/scenario.ts';
import { compilePurposes, matchesName } from './purpose.ts';
import type { WatchedSandbox } from './watch.ts';

type To = WatchedSandbox['egress']['allow'][number]['to'];

function isDeclared(to: To, ports: object[], destination: { ip?: string; names?: string[]; port: number }): boolean {
  const sandbox = sandboxOf({
    egress: {
      allow: [{ name: 'rule', to, ports }] as WatchedSandbox['egress']['allow'],
      dns: { resolvers: [], names: [] },
    },
  });
  return compilePurposes(sandbox).isDeclared({ ip: '203.0.113.9', names: [], protocol: 'TCP', ...destination });
}

const HTTPS = [{ protocol: 'TCP', port: 443 }];

describe('a declared destination', () => {
  test.each<[string, To, object[], { ip?: string; names?: string[]; port: number }, boolean]>([
    ['by name', [{ fqdn: 'api.example.com' }], HTTPS, { names: ['api.example.com'], port: 443 }, true],
    ['another name', [{ fqdn: 'api.example.com' }], HTTPS, { names: ['x.example.com'], port: 443 }, false],
    ['another port', [{ fqdn: 'api.example.com' }], HTTPS, { names: ['api.example.com'], port: 22 }, false],
    [
      'a range of ports',
      [{ fqdn: 'api.example.com' }],
      [{ protocol: 'TCP', port: 1, endPort: 65_535 }],
      { names: ['api.example.com'], port: 22 },
      true,
    ],
    [
      'another protocol',
      [{ fqdn: 'api.example.com' }],
      [{ protocol: 'UDP', port: 443 }],
      { names: ['api.example.com'], port: 443 },
      false,
    ],
    ['a wildcard', [{ fqdn: '*.example.com' }], HTTPS, { names: ['api.example.com'], port: 443 }, true],
    [
      'two labels below a wildcard',
      [{ fqdn: '*.example.com' }],
      HTTPS,
      { names: ['a.b.example.com'], port: 443 },
      false,
    ],
    ['a network as wide as one target', [{ cidr: '203.0.113.0/24' }], HTTPS, { port: 443 }, true],
    ['a wider network says nothing', [{ cidr: '203.0.112.0/23' }], HTTPS, { port: 443 }, false],
    ['everything says nothing', [{ cidr: '0.0.0.0/0' }], HTTPS, { port: 443 }, false],
    ['left out of the network', [{ cidr: '203.0.113.0/24', except: ['203.0.113.8/30'] }], HTTPS, { port: 443 }, false],
    ['IPv6', [{ cidr: '2001:db8::/64' }], HTTPS, { ip: '2001:db8::7', port: 443 }, true],
    ['an address that cannot be one', [{ cidr: '203.0.113.0/24' }], HTTPS, { ip: 'x', port: 443 }, false],
    ['pods', [{ pods: { podSelector: {} } }], HTTPS, { port: 443 }, false],
  ])('%s', (_name, to, ports, destination, expected) => {
    expect(isDeclared(to, ports, destination)).toBe(expected);
  });
});

describe('an exemption', () => {
  const exemption = (over: object = {}) => ({
    detectors: ['ReverseTunnel' as const],
    destination: { cidr: '203.0.0.0/16' },
    reason: 'own relay',
    ...over,
  });
  const isExempt = (over: object, port = 22, atMs = T0, detector: 'ReverseTunnel' | 'CryptoMining' = 'ReverseTunnel') =>
    compilePurposes(
      sandboxOf({ detection: { sensitivity: 'Balanced', detectors: [], exemptions: [exemption(over)] } }),
    ).isExempt(detector, { ip: '203.0.113.9', names: ['relay.example.com'], port, protocol: 'TCP' }, atMs);

  test.each([
    ['of a network of any width', {}, true],
    ['by name', { destination: { fqdn: 'relay.example.com' } }, true],
    ['of another name', { destination: { fqdn: 'other.example.com' } }, false],
    ['on this port', { ports: [22] }, true],
    ['on another port', { ports: [443] }, false],
    ['that has not ended', { expires: new Date(T0 + 1).toISOString() }, true],
    ['that has ended', { expires: new Date(T0).toISOString() }, false],
    ['whose end is no time', { expires: 'soon' }, false],
  ])('%s', (_name, over, expected) => {
    expect(isExempt(over)).toBe(expected);
  });

  test('holds for the detectors it names', () => {
    expect(isExempt({}, 22, T0, 'CryptoMining')).toBe(false);
  });
});

test.each([
  ['example.com', 'example.com', true],
  ['example.com', 'a.example.com', false],
  ['*.example.com', 'example.com', false],
  ['*.example.com', 'a.example.com', true],
  ['*.example.com', 'aexample.com', false],
])('%s stands for %s: %s', (pattern, name, expected) => {
  expect(matchesName(pattern, name)).toBe(expected);
});
