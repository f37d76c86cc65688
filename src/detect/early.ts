/**
 * Looks at flows as they arrive, for hits that are hard by themselves and need not wait to be put in order.
 *
 * Two seconds are long when a tunnel is already open. What is found here is told at once and comes again in its turn, so
 * nothing here is remembered but the addresses behind listed names.
 */
import type { Flow } from '../flows/flow.ts';
import type { Destination, Detector, PodFacts } from './detector.ts';
import type { Finding } from './finding.ts';
import type { Ledger } from './ledger.ts';
import { isDenial, isOpening } from './packet.ts';

/** What a look needs of a pod. */
export interface EarlyPod extends PodFacts {
  readonly ledger: Ledger;
  isListed(names: readonly string[]): boolean;
  mayJudge(detector: Detector, destination: Destination, timeMs: number): boolean;
}

export class EarlyHits {
  readonly #detectors: readonly Detector[];
  /** Names behind addresses, of listed names only. */
  readonly #listed = new Map<string, readonly string[]>();

  constructor(detectors: readonly Detector[]) {
    this.#detectors = detectors.filter((detector) => detector.onArrival !== undefined);
  }

  /** @returns the finding a hard hit makes, or undefined. */
  look(flow: Flow, pod: EarlyPod): Finding | undefined {
    if (flow.dns !== undefined) {
      this.#learn(flow.dns, pod);
      return undefined;
    }
    if (flow.isReply === true || !PASSES.has(flow.verdict) || !isOpening(flow) || isDenial(flow)) {
      return undefined;
    }
    const names = this.#listed.get(flow.destinationIp) ?? flow.destinationNames;
    const { destinationIp, protocol, sourcePort, destinationPort } = flow;
    // A packet of a connection that is known already says nothing new about where it leads.
    return names.length === 0 ||
      pod.connections.find(destinationIp, protocol, sourcePort, destinationPort) !== undefined
      ? undefined
      : this.#ask(flow, names, pod);
  }

  #ask(flow: Flow, names: readonly string[], pod: EarlyPod): Finding | undefined {
    const destination = { ip: flow.destinationIp, names, port: flow.destinationPort, protocol: flow.protocol };
    for (const detector of this.#detectors) {
      const evidence = detector.onArrival?.(flow, destination, pod);
      if (evidence !== undefined && pod.mayJudge(detector, destination, flow.timeMs)) {
        return pod.ledger.preview(detector, evidence);
      }
    }
    return undefined;
  }

  #learn(dns: NonNullable<Flow['dns']>, pod: EarlyPod): void {
    const names = [dns.query, ...dns.cnames];
    const isListed = dns.ips.length > 0 && pod.isListed(names);
    for (const ip of dns.ips) {
      if (!isListed) {
        this.#listed.delete(ip);
      } else if (this.#listed.size < MAX_LISTED) {
        this.#listed.set(ip, names);
      }
    }
  }
}

const PASSES: ReadonlySet<Flow['verdict']> = new Set(['FORWARDED', 'REDIRECTED'] as const);
/** Addresses; more than that are told in order, two seconds later. */
const MAX_LISTED = 16;
