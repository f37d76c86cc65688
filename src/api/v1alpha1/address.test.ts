import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containsNetwork, masked, parseAddress, parseNetwork } from './address.ts';

describe('parseAddress', () => {
  it.each<[string, string, bigint | undefined]>([
    ['IPv4', '10.0.0.1', 0x0a000001n],
    ['the last IPv4 address', '255.255.255.255', 0xffffffffn],
    ['IPv6', '2001:db8::1', 0x20010db8000000000000000000000001n],
    ['IPv6 in upper case', '2001:DB8::A', 0x20010db800000000000000000000000an],
    ['IPv6 that ends in dotted decimal', '64:ff9b::1.2.3.4', 0x0064ff9b000000000000000001020304n],
    ['IPv4-compatible IPv6, which is not mapped', '::1.2.3.4', 0x01020304n],
    ['IPv4-mapped IPv6', '::ffff:1.2.3.4', undefined],
    ['IPv4-mapped IPv6 in hexadecimal', '::FFFF:102:304', undefined],
    ['three octets', '1.2.3', undefined],
    ['an octet that could be octal', '01.2.3.4', undefined],
    ['an octet in hexadecimal', '0x1.2.3.4', undefined],
    ['an octet above 255', '256.0.0.1', undefined],
    ['a zone', 'fe80::1%eth0', undefined],
    ['two gaps', '1::2::3', undefined],
    ['a gap that stands for nothing', '1::2:3:4:5:6:7:8', undefined],
    ['nine groups', '1:2:3:4:5:6:7:8:9', undefined],
    ['dotted decimal in the middle', '::1.2.3.4:5', undefined],
    ['octal in the dotted part', '::ffff:01.2.3.4', undefined],
    ['space around it', ' 10.0.0.1', undefined],
    ['a line end after it', '10.0.0.1\n', undefined],
    ['nothing', '', undefined],
  ])('%s', (_name, text, value) => {
    expect(parseAddress(text)?.value).toBe(value);
  });

  const piece = fc.constantFrom('0', '1', '00', '255', '256', 'ffff', '12345', ':', '::', '.', '1.2.3.4', 'a', 'F');
  it('agrees with the operating system’s reader on what is an address', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6(),
          fc.array(piece, { maxLength: 12 }).map((all) => all.join('')),
        ),
        (text) => {
          const mapped = isIP(text) === 6 && isMapped(text);
          expect(parseAddress(text) !== undefined).toBe(isIP(text) !== 0 && !mapped);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

/** Written out by the URL parser, which knows nothing of this project: `[::ffff:102:304]`. */
function isMapped(text: string): boolean {
  return /^\[::ffff:[0-9a-f]+:[0-9a-f]+\]$/.test(new URL(`http://[${text}]/`).hostname);
}

describe('parseNetwork', () => {
  it.each<[string, string, number | undefined]>([
    ['IPv4', '10.0.0.0/8', 8],
    ['everything', '0.0.0.0/0', 0],
    ['one IPv6 address', '::1/128', 128],
    ['host bits are kept', '10.0.0.1/8', 8],
    ['a prefix too long for the family', '10.0.0.0/33', undefined],
    ['a prefix with a leading zero', '10.0.0.0/08', undefined],
    ['a prefix with a sign', '10.0.0.0/+8', undefined],
    ['no prefix', '10.0.0.0', undefined],
    ['an empty prefix', '10.0.0.0/', undefined],
    ['two prefixes', '10.0.0.0/8/8', undefined],
  ])('%s', (_name, text, length) => {
    expect(parseNetwork(text)?.length).toBe(length);
  });
});

const network = (text: string) => {
  const parsed = parseNetwork(text);
  if (parsed === undefined) {
    throw new Error(`${text} is not a network`);
  }
  return parsed;
};

it.each([
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['10.1.2.3/32', '10.1.2.3/32'],
  ['10.1.2.3/0', '0.0.0.0/0'],
  ['2001:db8:ffff::1/33', '2001:db8:8000::/33'],
])('the network of %s is %s', (text, expected) => {
  expect(masked(network(text))).toEqual(network(expected));
});

it.each([
  ['10.0.0.0/8', '10.1.0.0/16', true],
  ['10.0.0.0/8', '10.0.0.0/8', true],
  ['0.0.0.0/0', '255.255.255.255/32', true],
  ['10.1.0.0/16', '10.0.0.0/8', false],
  ['10.0.0.0/8', '11.0.0.0/16', false],
  ['0.0.0.0/0', '::/0', false],
  ['::/0', '2001:db8::/32', true],
])('%s contains %s: %s', (outer, inner, expected) => {
  expect(containsNetwork(network(outer), network(inner))).toBe(expected);
});
