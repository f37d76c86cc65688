import { describe, expect, test } from 'vitest';
import { ciliumPort, networkPolicyPort, spansOf, withoutDns } from './ports.ts';

const TCP = (from: number, to = from) => ({ protocol: 'TCP' as const, from, to });
const UDP = (from: number, to = from) => ({ protocol: 'UDP' as const, from, to });
const SCTP = (from: number, to = from) => ({ protocol: 'SCTP' as const, from, to });

describe('spans', () => {
  test.each([
    ['one port', [{ protocol: 'TCP', port: 443 }], [TCP(443)]],
    ['a range', [{ protocol: 'UDP', port: 1, endPort: 65535 }], [UDP(1, 65535)]],
    [
      'two that overlap',
      [
        { protocol: 'TCP', port: 5, endPort: 9 },
        { protocol: 'TCP', port: 8, endPort: 12 },
      ],
      [TCP(5, 12)],
    ],
    [
      'two that touch',
      [
        { protocol: 'TCP', port: 81 },
        { protocol: 'TCP', port: 80 },
      ],
      [TCP(80, 81)],
    ],
    [
      'one inside another',
      [
        { protocol: 'TCP', port: 1, endPort: 100 },
        { protocol: 'TCP', port: 50 },
      ],
      [TCP(1, 100)],
    ],
    [
      'protocols apart',
      [
        { protocol: 'UDP', port: 80 },
        { protocol: 'TCP', port: 81 },
      ],
      [TCP(81), UDP(80)],
    ],
    [
      'doubles once',
      [
        { protocol: 'TCP', port: 22 },
        { protocol: 'TCP', port: 22 },
      ],
      [TCP(22)],
    ],
  ] as const)('%s', (_what, ports, spans) => {
    expect(spansOf([...ports])).toEqual(spans);
  });
});

describe('without port 53', () => {
  test.each([
    ['53 itself is gone', [TCP(53), UDP(53)], []],
    ['a range is split', [TCP(1, 65535)], [TCP(1, 52), TCP(54, 65535)]],
    ['a range that ends there is shortened', [UDP(50, 53)], [UDP(50, 52)]],
    ['a range that starts there is shortened', [UDP(53, 60)], [UDP(54, 60)]],
    ['others stay', [TCP(54), UDP(52)], [TCP(54), UDP(52)]],
    ['SCTP stays: no DNS runs on it', [SCTP(53)], [SCTP(53)]],
  ])('%s', (_what, spans, left) => {
    expect(withoutDns(spans)).toEqual(left);
  });
});

test('a port as each engine writes it', () => {
  expect(networkPolicyPort(TCP(443))).toEqual({ protocol: 'TCP', port: 443 });
  expect(networkPolicyPort(UDP(1, 9))).toEqual({ protocol: 'UDP', port: 1, endPort: 9 });
  expect(networkPolicyPort({ protocol: 'TCP', name: 'http' })).toEqual({ protocol: 'TCP', port: 'http' });
  expect(ciliumPort(TCP(443))).toEqual({ protocol: 'TCP', port: '443' });
  expect(ciliumPort(UDP(1, 9))).toEqual({ protocol: 'UDP', port: '1', endPort: 9 });
});
