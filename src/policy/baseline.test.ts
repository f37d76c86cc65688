import { BlockList, isIPv4 } from 'node:net';
import { describe, expect, test } from 'vitest';
import { baselineOf, cutBaseline } from './baseline.ts';
import { formatCidr, parseCidr } from './cidr.ts';

const facts = { apiServerAddresses: ['10.96.0.1', '198.51.100.10'], nodeAddresses: ['10.0.0.4', '2001:db8:1::4'] };
const baseline = baselineOf(facts);

function cut(cidr: string, ...excepts: string[]): string[] | undefined {
  const [wanted, ...rest] = [cidr, ...excepts].map((text) => {
    const network = parseCidr(text);
    if (network === undefined) {
      throw new Error(`${text} is no network`);
    }
    return network;
  });
  return wanted && cutBaseline(wanted, rest, baseline)?.map(formatCidr);
}

describe('cut out of an allowed network', () => {
  test.each([
    ['nothing from a public network', '203.0.113.0/24', [], []],
    ['nothing from a listed private network', '10.1.0.0/16', [], []],
    ['nothing from a single listed private address', '192.168.7.9/32', [], []],
    ['a node inside a listed private network', '10.0.0.0/24', [], ['10.0.0.4/32']],
    ['the API server’s Service address inside a listed network', '10.96.0.0/12', [], ['10.96.0.1/32']],
    ['the API server’s public address', '198.51.100.0/24', [], ['198.51.100.10/32']],
    ['private space from a network that merely covers it', '8.0.0.0/5', [], ['10.0.0.0/8']],
    ['Alibaba’s metadata from listed carrier-grade NAT', '100.64.0.0/10', [], ['100.100.100.200/32']],
    [
      'metadata from listed unique local space',
      'fd00::/8',
      [],
      ['fd00:42::42/128', 'fd00:ec2::23/128', 'fd00:ec2::254/128', 'fd20:ce::254/128'],
    ],
    ['a node’s IPv6 address', '2001:db8::/32', [], ['2001:db8:1::4/128']],
    ['the user’s own exceptions besides', '203.0.113.0/24', ['203.0.113.128/25'], ['203.0.113.128/25']],
    ['exceptions that lie inside others only once', '8.0.0.0/5', ['10.1.0.0/16', '10.1.0.0/16'], ['10.0.0.0/8']],
    ['an exception that covers a part of the baseline', '198.51.100.0/24', ['198.51.100.0/28'], ['198.51.100.0/28']],
    ['metadata behind NAT64', '64:ff9b::a9fe:0/111', [], ['64:ff9b::a9fe:0/112']],
  ])('%s', (_what, cidr, excepts, left) => {
    expect(cut(cidr, ...excepts)).toEqual(left);
  });

  test.each([
    ['a metadata address', '169.254.169.254/32'],
    ['a part of link-local space', '169.254.170.0/24'],
    ['link-local IPv6', 'fe80::/64'],
    ['loopback', '127.0.0.1/32'],
    ['the API server', '10.96.0.1/32'],
    ['a node', '2001:db8:1::4/128'],
    ['Azure’s wire server', '168.63.129.16/32'],
    ['metadata behind NAT64', '64:ff9b::a9fe:a9fe/128'],
  ])('nothing is left of %s', (_what, cidr) => {
    expect(cut(cidr)).toBeUndefined();
  });

  test.each([
    ['the network itself', '203.0.113.0/24'],
    ['a network around it', '203.0.0.0/16'],
  ])('nothing is left when %s is excepted', (_what, except) => {
    expect(cut('203.0.113.0/24', except)).toBeUndefined();
  });
});

test.each([
  [
    '0.0.0.0/0',
    [
      '10.20.30.40',
      '172.31.255.255',
      '192.168.0.1',
      '100.127.0.1',
      '224.0.0.1',
      '255.255.255.255',
      '127.8.8.8',
      '0.0.0.0',
      '169.254.169.254',
      '168.63.129.16',
      '192.0.0.192',
      '100.100.100.200',
      '10.96.0.1',
      '198.51.100.10',
    ],
  ],
  [
    '::/0',
    [
      'fd12:3456::1',
      'fe80::1',
      'fec0::1',
      'ff02::1',
      '::1',
      '::',
      'fd00:ec2::254',
      '2001:db8:1::4',
      '64:ff9b::a9fe:a9fe',
      '64:ff9b::a00:1',
      '64:ff9b::c633:640a',
    ],
  ],
])('%s loses every part of the baseline', (cidr, addresses) => {
  const taken = new BlockList();
  for (const except of cut(cidr) ?? []) {
    const [network = '', length] = except.split('/');
    taken.addSubnet(network, Number(length), isIPv4(network) ? 'ipv4' : 'ipv6');
  }
  for (const address of addresses) {
    expect(taken.check(address, isIPv4(address) ? 'ipv4' : 'ipv6'), address).toBe(true);
  }
});

test('an address that is none is an error, because leaving it out would open it', () => {
  expect(() => baselineOf({ apiServerAddresses: [], nodeAddresses: ['node-1'] })).toThrow(
    '"node-1" is not an IP address',
  );
  expect(() => baselineOf({ apiServerAddresses: ['10.0.0.0/8'], nodeAddresses: [] })).toThrow('not an IP address');
});
