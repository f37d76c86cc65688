/**
 * Which names a pod asked for before it connected to an address.
 *
 * Hubble forgets the names of an address soon after the lookup and gives several for a shared one, so the answers this pod
 * got are kept here. Where DNS is not visible, a lookup still is, as packets to port 53: an address that a
 * pod connects to right after such a lookup may have a name that nobody saw, which makes it `Unknown`. An address for which
 * no lookup went before is `Direct`, whether DNS is visible or not: the pod had it from somewhere else.
 */
import type { DnsRecord } from '../flows/flow.ts';
import { BoundedMap } from './bounded-map.ts';
import type { Naming } from './connections.ts';

export interface NamesLimits {
  /** Most addresses remembered. */
  addresses: number;
}

export interface NamesOf {
  naming: Naming;
  /** The name that was asked for, then what it is an alias of. */
  names: readonly string[];
}

/** An application connects right after it has the answer; a resolver gives up after 5 s and tries once more. */
export const LOOKUP_TO_CONNECT_MS = 10_000;

/** Behaviour in the first 30 s after the start of a pod is judged mildly: what is missing may have been before we looked. */
export const START_GRACE_MS = 30_000;

export class NameCache {
  readonly #limits: NamesLimits;
  readonly #answers = new Map<string, { names: readonly string[]; isPinned: boolean }>();
  readonly #unseen = new Set<string>();
  /** Questions that were let through, by name, with the time. */
  readonly #asked = new BoundedMap<string, number>(MAX_ASKED);
  #isDnsVisible = false;
  #unseenLookupMs = Number.NEGATIVE_INFINITY;
  #pinned = 0;
  #evicted = 0;

  constructor(limits: NamesLimits) {
    this.#limits = limits;
  }

  /**
   * Learns from a DNS message that the proxy saw.
   *
   * @param isSuspicious - keeps the addresses when others make room for new ones.
   */
  learn(dns: DnsRecord, isSuspicious: boolean): void {
    this.#isDnsVisible = true;
    // Only the newest lookup counts: an address of a CDN has many tenants, and the pod means the one it asked for last.
    const names = [dns.query, ...dns.cnames].slice(0, NAMES_PER_ADDRESS);
    for (const ip of dns.ips) {
      const wasPinned = this.#answers.get(ip)?.isPinned === true;
      const isPinned = wasPinned || (isSuspicious && this.#mayPin());
      this.#pinned += isPinned && !wasPinned ? 1 : 0;
      // Deleting first makes it the youngest of the map.
      this.#answers.delete(ip);
      this.#answers.set(ip, { names, isPinned });
      this.#shrink();
    }
  }

  /** Notes a question that the proxy let through. */
  noteQuestion(name: string, timeMs: number): void {
    this.#asked.set(name, timeMs);
  }

  /**
   * Whether it was the proxy that refused an answer. It refuses instead of asking, so a refusal of a question that was let
   * through comes from the resolver, as for IPv6 where it has none.
   */
  isProxyRefusal(dns: DnsRecord, timeMs: number): boolean {
    const askedMs = this.#asked.get(dns.query);
    return dns.rcode === RCODE_REFUSED && (askedMs === undefined || timeMs - askedMs > LOOKUP_TO_CONNECT_MS);
  }

  /** Notes a lookup that only its packets tell of. */
  noteLookup(timeMs: number): void {
    this.#unseenLookupMs = Math.max(this.#unseenLookupMs, timeMs);
  }

  /** Names for an address at the moment of a connection. */
  namesOf(ip: string, fromHubble: readonly string[], connectMs: number): NamesOf {
    const own = this.#answers.get(ip);
    if (own !== undefined) {
      return { naming: 'Named', names: own.names };
    }
    if (fromHubble.length > 0) {
      return { naming: 'Named', names: fromHubble };
    }
    return { naming: this.#mayHaveBeenNamed(ip, connectMs) ? 'Unknown' : 'Direct', names: NO_NAMES };
  }

  /** Whether the names this pod asks for can be seen. */
  get isDnsVisible(): boolean {
    return this.#isDnsVisible;
  }

  get evicted(): number {
    return this.#evicted;
  }

  get size(): number {
    return this.#answers.size;
  }

  #mayHaveBeenNamed(ip: string, connectMs: number): boolean {
    if (this.#isDnsVisible) {
      return false;
    }
    const sinceLookupMs = connectMs - this.#unseenLookupMs;
    if (sinceLookupMs >= 0 && sinceLookupMs <= LOOKUP_TO_CONNECT_MS) {
      if (this.#unseen.size >= this.#limits.addresses) {
        this.#unseen.clear();
      }
      this.#unseen.add(ip);
    }
    // A later connection to the same address needs no new lookup.
    return this.#unseen.has(ip);
  }

  #mayPin(): boolean {
    return this.#pinned < this.#limits.addresses / 4;
  }

  #shrink(): void {
    if (this.#answers.size <= this.#limits.addresses) {
      return;
    }
    for (const [ip, answer] of this.#answers) {
      if (!answer.isPinned) {
        this.#answers.delete(ip);
        this.#evicted += 1;
        return;
      }
    }
  }
}

/** The name and its chain of CNAMEs; longer chains are broken zones. */
const NAMES_PER_ADDRESS = 6;
const RCODE_REFUSED = 5;
/** A resolver's answer follows its question within seconds. */
const MAX_ASKED = 32;
const NO_NAMES: readonly string[] = [];
