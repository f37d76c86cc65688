/**
 * What a sandbox says about destinations: those it declares as a purpose, and those some detectors are told to pass over.
 *
 * A purpose is narrow: a name, or a network no wider than what detection takes for one target (/24, /64). `0.0.0.0/0` on
 * port 443 lets a pod out, it does not say what for. Compiled once per sandbox.
 */
import { type Address, containsNetwork, type Network, parseAddress, parseNetwork } from '../api/v1alpha1/address.ts';
import type { DetectorName } from '../api/v1alpha1/detector-names.ts';
import type { Destination } from './detector.ts';
import type { WatchedSandbox } from './watch.ts';

export interface Purposes {
  isDeclared(destination: Destination): boolean;
  /** Whether a detector is to pass over a destination at that event time. */
  isExempt(detector: DetectorName, destination: Destination, timeMs: number): boolean;
  /** False when `isExempt` never says yes. */
  readonly hasExemptions: boolean;
}

export function compilePurposes({ egress, detection }: WatchedSandbox): Purposes {
  const declared = egress.allow.flatMap((rule) =>
    rule.to.map((peer) => {
      const matches = matchPeer(peer.fqdn, peer.cidr, isNarrow);
      const excepted = (peer.except ?? []).map((cidr) => matchPeer(undefined, cidr, () => true));
      return { matches: (to: Destination) => matches(to) && !excepted.some((isOut) => isOut(to)), ports: rule.ports };
    }),
  );
  const exemptions = detection.exemptions.map((exemption) => ({
    detectors: new Set<string>(exemption.detectors),
    matches: matchPeer(exemption.destination.fqdn, exemption.destination.cidr, () => true),
    ports: exemption.ports === undefined ? undefined : new Set(exemption.ports),
    expiresMs: exemption.expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(exemption.expires),
  }));
  return {
    hasExemptions: exemptions.length > 0,
    isDeclared: (destination) =>
      declared.some(({ matches, ports }) => ports.some((range) => inRange(range, destination)) && matches(destination)),
    isExempt: (detector, destination, timeMs) =>
      exemptions.some(
        (one) =>
          one.detectors.has(detector) &&
          timeMs < one.expiresMs &&
          (one.ports === undefined || one.ports.has(destination.port)) &&
          one.matches(destination),
      ),
  };
}

/**
 * Whether a name is what a pattern stands for: itself, or with `*.` in front one label directly below.
 *
 * @example
 * matchesName('*.example.com', 'api.example.com') // true
 */
export function matchesName(pattern: string, name: string): boolean {
  if (!pattern.startsWith('*.')) {
    return name === pattern;
  }
  const firstDot = name.indexOf('.');
  return firstDot > 0 && name.slice(firstDot + 1) === pattern.slice(2);
}

type Matches = (destination: Destination) => boolean;

function matchPeer(
  fqdn: string | undefined,
  cidr: string | undefined,
  isWanted: (network: Network) => boolean,
): Matches {
  if (fqdn !== undefined) {
    return ({ names }) => names.some((name) => matchesName(fqdn, name));
  }
  const network = cidr === undefined ? undefined : parseNetwork(cidr);
  if (network === undefined || !isWanted(network)) {
    return () => false;
  }
  return ({ ip }) => {
    const address = parseAddress(ip);
    return address !== undefined && containsNetwork(network, hostNetwork(address));
  };
}

function hostNetwork(address: Address): Network {
  return { address, length: address.bits };
}

function isNarrow({ address, length }: Network): boolean {
  return length >= (address.bits === 32 ? 24 : 64);
}

function inRange(
  { protocol, port, endPort }: { protocol: string; port: number; endPort?: number | undefined },
  destination: Destination,
): boolean {
  return protocol === destination.protocol && destination.port >= port && destination.port <= (endPort ?? port);
}
