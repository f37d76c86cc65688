/**
 * What no AgentSandbox can open, and what it must name to open.
 *
 * An allowed network loses these parts, in both families, whatever else it covers. The addresses of the API server and of
 * the nodes come with the cluster's facts; everything else is data here, each entry with its source. IPv4 entries hold
 * behind NAT64 too. IPv4-mapped IPv6 (::ffff:0:0/96) needs no entry: such packets are IPv4 on the wire.
 */
import { containsNetwork, type Network } from '../api/v1alpha1/address.ts';
import { formatCidr, minimize, nat64Of, parseCidr } from './cidr.ts';
import type { ClusterFacts } from './plan.ts';

export interface BaselineEntry {
  readonly cidr: string;
  readonly what: string;
  readonly source: string;
}

/** Denied whatever the sandbox says. */
export const ALWAYS_DENIED: readonly BaselineEntry[] = [
  { cidr: '169.254.0.0/16', what: 'link-local', source: 'RFC 3927' },
  { cidr: 'fe80::/10', what: 'link-local', source: 'RFC 4291 §2.5.6' },
  { cidr: '127.0.0.0/8', what: 'loopback', source: 'RFC 1122 §3.2.1.3' },
  { cidr: '::1/128', what: 'loopback', source: 'RFC 4291 §2.5.3' },
  { cidr: '0.0.0.0/8', what: 'this host; Linux connects 0.0.0.0 to loopback', source: 'RFC 1122 §3.2.1.3' },
  { cidr: '::/128', what: 'this host', source: 'RFC 4291 §2.5.2' },
  {
    cidr: '169.254.169.254/32',
    what: 'instance metadata of AWS, Google Cloud, Azure, Oracle, DigitalOcean and OpenStack',
    source: 'AWS EC2 User Guide, "Instance metadata"; the other providers’ guides of that name',
  },
  { cidr: '169.254.170.2/32', what: 'task credentials of AWS ECS', source: 'AWS ECS Developer Guide, "Task IAM role"' },
  {
    cidr: '169.254.170.23/32',
    what: 'credentials of AWS EKS Pod Identity',
    source: 'AWS EKS User Guide, "EKS Pod Identity"',
  },
  { cidr: 'fd00:ec2::254/128', what: 'instance metadata of AWS', source: 'AWS EC2 User Guide, "Instance metadata"' },
  {
    cidr: 'fd00:ec2::23/128',
    what: 'credentials of AWS EKS Pod Identity',
    source: 'AWS EKS User Guide, "EKS Pod Identity"',
  },
  {
    cidr: 'fd20:ce::254/128',
    what: 'instance metadata of Google Cloud',
    source: 'Compute Engine documentation, "About VM metadata"',
  },
  { cidr: 'fd00:42::42/128', what: 'instance metadata of Scaleway', source: 'Scaleway, "Instance user data"' },
  {
    cidr: '100.100.100.200/32',
    what: 'instance metadata of Alibaba Cloud',
    source: 'Alibaba Cloud ECS User Guide, "Instance metadata"',
  },
  { cidr: '168.63.129.16/32', what: 'wire server of Azure', source: 'Microsoft Learn, "What is IP 168.63.129.16?"' },
  {
    cidr: '192.0.0.192/32',
    what: 'instance metadata of Oracle Cloud Classic',
    source: 'Oracle Cloud Compute Classic, "Instance metadata"',
  },
];

/** Denied unless an allow entry lies inside one of them, which is how a sandbox says that it means private space. */
export const DENIED_UNLESS_LISTED: readonly BaselineEntry[] = [
  { cidr: '10.0.0.0/8', what: 'private', source: 'RFC 1918' },
  { cidr: '172.16.0.0/12', what: 'private', source: 'RFC 1918' },
  { cidr: '192.168.0.0/16', what: 'private', source: 'RFC 1918' },
  { cidr: '100.64.0.0/10', what: 'carrier-grade NAT, used as private space in clusters', source: 'RFC 6598' },
  { cidr: '192.0.0.0/24', what: 'protocol assignments', source: 'RFC 6890' },
  { cidr: '198.18.0.0/15', what: 'benchmarking, used as private space', source: 'RFC 2544' },
  { cidr: '224.0.0.0/4', what: 'multicast', source: 'RFC 5771' },
  { cidr: '240.0.0.0/4', what: 'reserved, used as private space in clouds', source: 'RFC 1112 §4' },
  { cidr: 'fc00::/7', what: 'unique local', source: 'RFC 4193' },
  { cidr: 'fec0::/10', what: 'site-local, deprecated', source: 'RFC 3879' },
  { cidr: 'ff00::/8', what: 'multicast', source: 'RFC 4291 §2.7' },
  { cidr: '64:ff9b:1::/48', what: 'local NAT64', source: 'RFC 8215' },
];

/** The baseline of one cluster, each list without doubles and sorted. */
export interface Baseline {
  readonly always: readonly Network[];
  readonly unlessListed: readonly Network[];
}

/**
 * @throws TypeError when a fact is not an IP address: leaving it out would leave it open.
 */
export function baselineOf(facts: Pick<ClusterFacts, 'apiServerAddresses' | 'nodeAddresses'>): Baseline {
  const addresses = [...facts.apiServerAddresses, ...facts.nodeAddresses].map(factNetwork);
  return {
    always: inBothFamilies([...ALWAYS_DENIED.map(entryNetwork), ...addresses]),
    unlessListed: inBothFamilies(DENIED_UNLESS_LISTED.map(entryNetwork)),
  };
}

/** What is left of an allowed network: the parts to leave out, or undefined when nothing is left. */
export function cutBaseline(wanted: Network, excepts: readonly Network[], baseline: Baseline): Network[] | undefined {
  const cuts = [...baseline.always, ...(isListed(wanted, baseline) ? [] : baseline.unlessListed), ...excepts];
  if (cuts.some((cut) => containsNetwork(cut, wanted))) {
    return undefined;
  }
  return minimize(cuts.filter((cut) => containsNetwork(wanted, cut)));
}

/** Whether the network lies inside private space, so that whoever wrote it meant private space. */
export function isListed(wanted: Network, baseline: Baseline): boolean {
  return baseline.unlessListed.some((network) => containsNetwork(network, wanted));
}

/** Whether the network lies wholly in what is always denied. */
export function isAlwaysDenied(wanted: Network, baseline: Baseline): boolean {
  return baseline.always.some((network) => containsNetwork(network, wanted));
}

function inBothFamilies(networks: readonly Network[]): Network[] {
  return minimize([...networks, ...networks.filter(({ address }) => address.bits === 32).map(nat64Of)]);
}

function entryNetwork({ cidr }: BaselineEntry): Network {
  const network = parseCidr(cidr);
  if (network === undefined || formatCidr(network) !== cidr) {
    throw new TypeError(`baseline: ${cidr} is not a network as Bulkhead spells it`);
  }
  return network;
}

function factNetwork(address: string): Network {
  const network = address.includes('/') ? undefined : parseCidr(address);
  if (network === undefined) {
    throw new TypeError(`cluster facts: ${JSON.stringify(address)} is not an IP address`);
  }
  return network;
}
