import { BlockList, isIPv4 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { containsNetwork } from '../api/v1alpha1/address.ts';
import { formatCidr, minimize, nat64Of, parseCidr } from './cidr.ts';

describe('spelling', () => {
  test.each([
    ['an IPv4 network', '203.0.113.0/24', '203.0.113.0/24'],
    ['a single IPv4 address', '203.0.113.7', '203.0.113.7/32'],
    ['all of IPv4', '0.0.0.0/0', '0.0.0.0/0'],
    ['an IPv6 network in capitals, with zeros written out', '2001:0DB8:0:0:0:0:0:0/32', '2001:db8::/32'],
    ['a single IPv6 address', '2001:db8::1', '2001:db8::1/128'],
    ['all of IPv6', '::/0', '::/0'],
    [
      'an IPv6 address with one zero group, which RFC 5952 does not shorten',
      '2001:db8:0:1:1:1:1:1',
      '2001:db8:0:1:1:1:1:1/128',
    ],
    ['IPv4 as IPv6, dotted', '::ffff:10.0.0.0/104', '10.0.0.0/8'],
    ['IPv4 as IPv6, in hexadecimal', '::ffff:a9fe:a9fe', '169.254.169.254/32'],
    ['all of IPv4 as IPv6', '::ffff:0:0/96', '0.0.0.0/0'],
  ])('%s', (_what, text, spelled) => {
    const network = parseCidr(text);
    expect(network && formatCidr(network)).toBe(spelled);
  });

  test.each([
    ['host bits', '10.0.0.1/8'],
    ['host bits in IPv6', '2001:db8::1/64'],
    ['host bits in IPv4 as IPv6', '::ffff:10.0.0.1/104'],
    ['a prefix that is too long', '10.0.0.0/33'],
    ['a prefix with a leading zero', '10.0.0.0/08'],
    ['no prefix after the slash', '10.0.0.0/'],
    ['two prefixes', '10.0.0.0/8/8'],
    ['a short form of IPv4', '10.1/16'],
    ['octal', '010.0.0.0/8'],
    ['hexadecimal IPv4', '0x0a000000/8'],
    ['a zone', 'fe80::1%eth0'],
    ['a name', 'example.com'],
    ['nothing', ''],
  ])('%s is refused', (_what, text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});

test('an IPv4 network behind NAT64 keeps its size', () => {
  const network = parseCidr('169.254.0.0/16');
  expect(network && formatCidr(nat64Of(network))).toBe('64:ff9b::a9fe:0/112');
});

describe('a minimal list', () => {
  test('is sorted, and holds neither doubles nor networks inside others', () => {
    const texts = ['fe80::/10', '10.1.2.0/24', '10.0.0.0/8', 'fe80::1/128', '9.0.0.0/8', '10.0.0.0/8', '10.0.0.0/9'];
    const networks = texts.map(parseCidr).filter((network) => network !== undefined);
    expect(minimize(networks).map(formatCidr)).toEqual(['9.0.0.0/8', '10.0.0.0/8', 'fe80::/10']);
  });

  test('holds the same addresses as the list it came from', () => {
    const networks = fc.array(fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(networks, fc.array(fc.ipV4(), { minLength: 8 }), (given, probes) => {
        const before = new BlockList();
        const parsed = given.map(([address, length]) => {
          const network = maskedNetwork(address, length);
          before.addSubnet(network.split('/')[0] ?? '', length);
          return must(parseCidr(network));
        });
        const small = minimize(parsed);
        const edges = given.map(([address]) => address);
        for (const probe of [...probes, ...edges]) {
          const address = must(parseCidr(probe));
          expect(small.some((network) => containsNetwork(network, address))).toBe(before.check(probe));
        }
      }),
    );
  });
});

/** By octets, so that the test does not rest on the arithmetic under test. */
function maskedNetwork(address: string, length: number): string {
  expect(isIPv4(address)).toBe(true);
  const octets = address.split('.').map((octet, index) => {
    const kept = Math.min(8, Math.max(0, length - 8 * index));
    return Number(octet) - (Number(octet) % 2 ** (8 - kept));
  });
  return `${octets.join('.')}/${length}`;
}

function must<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error('must be there');
  }
  return value;
}
