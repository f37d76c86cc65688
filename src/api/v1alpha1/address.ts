/**
 * IP addresses and networks, read exactly as the API server's CEL library reads them (Go's net/netip).
 *
 * Strict on purpose: what one reader takes for 1.2.0.3 and another refuses, or what is IPv4 to one and IPv6 to another,
 * is how an address slips past a filter. So no short forms, no octal, no zones, no IPv4-mapped IPv6.
 */
import ipaddr from 'ipaddr.js';

export interface Address {
  /** Length of the family: 32 or 128. */
  bits: 32 | 128;
  value: bigint;
}

export interface Network {
  address: Address;
  /** Length of the prefix, 0 to `address.bits`. */
  length: number;
}

/**
 * @returns undefined for anything that Kubernetes' isIP() refuses.
 * @example
 * parseAddress('10.0.0.1') // { bits: 32, value: 167772161n }
 */
export function parseAddress(text: string): Address | undefined {
  if (STRICT_IPV4.test(text)) {
    return { bits: 32, value: fromWords(ipaddr.IPv4.parse(text).octets, 8n) };
  }
  const hex = text.replace(EMBEDDED_IPV4, (octets) =>
    ipaddr.IPv4.parse(octets).toIPv4MappedAddress().toNormalizedString().slice('0:0:0:0:0:ffff:'.length),
  );
  if (!HEX_GROUPS.test(hex) || !ipaddr.IPv6.isValid(hex)) {
    return undefined;
  }
  const value = fromWords(ipaddr.IPv6.parse(hex).parts, 16n);
  return value >> 32n === IPV4_MAPPED ? undefined : { bits: 128, value };
}

/**
 * @returns undefined for anything that Kubernetes' isCIDR() refuses; host bits are kept.
 */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.lastIndexOf('/');
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (address === undefined || !PREFIX_LENGTH.test(digits) || Number(digits) > address.bits) {
    return undefined;
  }
  return { address, length: Number(digits) };
}

/** The network with its host bits cleared. */
export function masked({ address, length }: Network): Network {
  const hostBits = BigInt(address.bits - length);
  return { address: { ...address, value: (address.value >> hostBits) << hostBits }, length };
}

/** Whether every address of the inner network is in the outer one. */
export function containsNetwork(outer: Network, inner: Network): boolean {
  return (
    outer.address.bits === inner.address.bits &&
    outer.length <= inner.length &&
    masked({ address: inner.address, length: outer.length }).address.value === masked(outer).address.value
  );
}

function fromWords(words: readonly number[], bits: bigint): bigint {
  return words.reduce((value, word) => (value << bits) | BigInt(word), 0n);
}

const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const STRICT_IPV4 = new RegExp(`^${OCTET}(\\.${OCTET}){3}$`);
const EMBEDDED_IPV4 = new RegExp(`(?<=:)${OCTET}(\\.${OCTET}){3}$`);
const HEX_GROUPS = /^[0-9a-fA-F:]+$/;
const PREFIX_LENGTH = /^(0|[1-9][0-9]{0,2})$/;
/** The upper 96 bits of ::ffff:0:0/96. */
const IPV4_MAPPED = 0xffffn;
