/**
 * Networks as sets: one spelling for each, their order, and lists of them without overlap.
 *
 * Two networks are nested or disjoint, never half overlapping, so taking one out of another is a matter of containment
 * and no range arithmetic is needed. Reading addresses is api/v1alpha1/address.ts.
 */
import ipaddr from 'ipaddr.js';
import { containsNetwork, masked, type Network, parseAddress, parseNetwork } from '../api/v1alpha1/address.ts';

/**
 * Reads `203.0.113.0/24`, `2001:db8::/32` or a single address. IPv4 written as IPv6 (`::ffff:10.0.0.0/104`) becomes IPv4,
 * because that is what such a packet is on the wire.
 *
 * @returns undefined for anything else, also for a network with host bits.
 * @example
 * formatCidr(parseCidr('::ffff:10.0.0.0/104')!) // '10.0.0.0/8'
 */
export function parseCidr(text: string): Network | undefined {
  const plain = unmapped(text);
  if (!plain.includes('/')) {
    const address = parseAddress(plain);
    return address === undefined ? undefined : { address, length: address.bits };
  }
  const network = parseNetwork(plain);
  return network !== undefined && masked(network).address.value === network.address.value ? network : undefined;
}

/** The one spelling: dotted for IPv4, RFC 5952 for IPv6, always with the length of the prefix. */
export function formatCidr({ address, length }: Network): string {
  const bytes = Array.from({ length: address.bits / 8 }, (_, index) =>
    Number((address.value >> BigInt(address.bits - 8 * (index + 1))) & 0xffn),
  );
  return `${ipaddr.fromByteArray(bytes).toString()}/${length}`;
}

/** The same addresses in the fewest of the given networks: sorted, without doubles and without networks inside others. */
export function minimize(networks: readonly Network[]): Network[] {
  const kept: Network[] = [];
  for (const network of networks.toSorted(compareNetworks)) {
    const last = kept.at(-1);
    if (last === undefined || !containsNetwork(last, network)) {
      kept.push(network);
    }
  }
  return kept;
}

/** An IPv4 network as the well-known NAT64 prefix spells it (RFC 6052). */
export function nat64Of({ address, length }: Network): Network {
  return { address: { bits: 128, value: NAT64 | address.value }, length: length + 96 };
}

/** IPv4 first, then by first address, then the wider first, so that a network comes right before those inside it. */
export function compareNetworks(a: Network, b: Network): number {
  if (a.address.bits !== b.address.bits) {
    return a.address.bits - b.address.bits;
  }
  if (a.address.value !== b.address.value) {
    return a.address.value < b.address.value ? -1 : 1;
  }
  return a.length - b.length;
}

function unmapped(text: string): string {
  const [address = '', length = '128', ...rest] = text.split('/');
  if (rest.length > 0 || !MAPPED_LENGTH.test(length) || !ipaddr.IPv6.isValid(address)) {
    return text;
  }
  const parsed = ipaddr.IPv6.parse(address);
  return parsed.isIPv4MappedAddress() ? `${parsed.toIPv4Address().toString()}/${Number(length) - 96}` : text;
}

/** 96 to 128: a shorter prefix holds more than the IPv4 addresses. */
const MAPPED_LENGTH = /^(9[6-9]|1[01][0-9]|12[0-8])$/;
/** 64:ff9b::/96 */
const NAT64 = 0x0064_ff9bn << 96n;
