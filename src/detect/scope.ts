/**
 * Which part of the world an address belongs to, as detection sees it.
 *
 * Labels come first, because they say what Cilium knows; the address decides where they say nothing or only "world". An
 * unused pod address is labelled world too, so private ranges are told apart by the address itself. Prefix tests on text
 * instead of arithmetic: this runs for every new connection.
 */
import ipaddr from 'ipaddr.js';
import type { FlowEndpoint } from '../flows/flow.ts';

/**
 * `Cluster` pods, nodes and the API server; `Private` addresses of private ranges outside of it; `World` everything
 * routable; `LinkLocal` the node's own link, cloud metadata among it; `Group` multicast, broadcast and nothing at all.
 */
export type Scope = 'Cluster' | 'Private' | 'World' | 'LinkLocal' | 'Group';

/** What a pod could probe: the cluster and the private networks around it. */
export function isInternal(scope: Scope): boolean {
  return scope === 'Cluster' || scope === 'Private';
}

/** The scope of one end of a flow. */
export function scopeOf(endpoint: FlowEndpoint, ip: string): Scope {
  const plain = ip.startsWith(MAPPED_IPV4) ? ip.slice(MAPPED_IPV4.length) : ip;
  const special = specialRange(plain);
  if (special !== undefined) {
    return special;
  }
  if (endpoint.podName !== '' || endpoint.labels.some(isClusterLabel)) {
    return 'Cluster';
  }
  return isPrivate(plain) ? 'Private' : 'World';
}

/**
 * The network that stands for an address when targets are counted: /24 for IPv4, /64 for IPv6.
 *
 * @example
 * networkOf('203.0.113.7') // '203.0.113.0/24'
 */
export function networkOf(ip: string): string {
  if (!ip.includes(':')) {
    const lastDot = ip.lastIndexOf('.');
    return lastDot < 0 ? ip : `${ip.slice(0, lastDot)}.0/24`;
  }
  if (!ipaddr.IPv6.isValid(ip)) {
    return ip;
  }
  const groups = ipaddr.IPv6.parse(ip).parts.slice(0, 4);
  return `${groups.map((group) => group.toString(16)).join(':')}::/64`;
}

/** `address:port`, with the brackets IPv6 needs. */
export function addressAndPort(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function isClusterLabel(label: string): boolean {
  return label.startsWith('k8s:') || (label.startsWith('reserved:') && !label.startsWith('reserved:world'));
}

function specialRange(ip: string): Scope | undefined {
  if (ip === '' || ip === '0.0.0.0' || ip === '::' || ip === '255.255.255.255' || MULTICAST.test(ip)) {
    return 'Group';
  }
  return ip.startsWith('169.254.') || IPV6_LINK_LOCAL.test(ip) ? 'LinkLocal' : undefined;
}

function isPrivate(ip: string): boolean {
  return ip.startsWith('10.') || ip.startsWith('192.168.') || PRIVATE.test(ip);
}

const MAPPED_IPV4 = '::ffff:';
/** 224.0.0.0/4 and ff00::/8. */
const MULTICAST = /^(22[4-9]|23[0-9])\.|^ff[0-9a-f]{2}:/i;
/** fe80::/10. */
const IPV6_LINK_LOCAL = /^fe[89ab][0-9a-f]:/i;
/** 172.16.0.0/12 and 100.64.0.0/10 (CGNAT, RFC 6598), fc00::/7. */
const PRIVATE = /^172\.(1[6-9]|2[0-9]|3[01])\.|^100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.|^f[cd][0-9a-f]{2}:/i;
