/**
 * The connections of one pod that are worth remembering: at most a fixed number, the least recently used forgotten first.
 *
 * One attempt is one connection, however many events, retransmissions and copies tell of it; that is what makes the
 * engine deaf to duplicates. A connection that a detector has found suspicious is pinned, so that a pod cannot flush its
 * own evidence by opening many others; pins take at most a quarter of the table.
 */
import type { Protocol } from '../flows/flow.ts';
import type { Scope } from './scope.ts';

/**
 * What is known of the name behind an address. `Direct`: this pod asked for no name before it connected. `Unknown`: it may
 * have asked where nobody could see it.
 */
export type Naming = 'Named' | 'Direct' | 'Unknown';

export interface Connection {
  readonly ip: string;
  readonly protocol: Protocol;
  readonly localPort: number;
  /** 0 for protocols without ports. */
  readonly port: number;
  readonly scope: Scope;
  /** Pods of one workload or Service, and addresses of one name, are one target; the address when nothing groups it. */
  readonly group: string;
  naming: Naming;
  /** The name this pod asked for that led here, then what it is an alias of. */
  names: readonly string[];
  /** Whether its first packet was seen; otherwise it is older than we know. */
  sawStart: boolean;
  firstMs: number;
  lastMs: number;
  lastOutgoingMs: number;
  lastReplyMs: number;
  /** Event time of FIN or RST; 0 while open. */
  closedMs: number;
  /** Something but a refusal came back. */
  isEstablished: boolean;
  isRefused: boolean;
  isDenied: boolean;
  /** Events at least a second apart, per direction. Aggregation shows at most one per interval. */
  outgoingEvents: number;
  replyEvents: number;
  countedOutgoingMs: number;
  countedReplyMs: number;
  /** First event of the latest burst. */
  burstMs: number;
  /** The last pauses of a second or more between bursts of either direction, start to start, in seconds; a ring. */
  pauses: Float32Array | undefined;
  pauseCount: number;
  isPinned: boolean;
  /** What detectors remember of it, each in its own slot: lives and dies with the connection. */
  readonly notes: unknown[];
}

export type NewConnection = Pick<
  Connection,
  'ip' | 'protocol' | 'localPort' | 'port' | 'scope' | 'group' | 'naming' | 'names' | 'sawStart' | 'firstMs'
>;

/** Pauses remembered per connection. */
export const PAUSES = 16;

/** Events closer together than this are one burst: verdict and trace of one packet, or a request and its ACK. */
export const BURST_MS = 1000;

export class ConnectionTable {
  readonly #capacity: number;
  readonly #byAddress = new Map<string, Map<number, Connection>>();
  readonly #all: Connection[] = [];
  #pinned = 0;
  #evicted = 0;

  /** @param capacity - most connections remembered, at least 4. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  find(ip: string, key: number): Connection | undefined {
    return this.#byAddress.get(ip)?.get(key);
  }

  /** Remembers a connection, instead of an older one with the same key. */
  open(key: number, fields: NewConnection): Connection {
    this.#forgetKey(fields.ip, key);
    if (this.#all.length >= this.#capacity) {
      this.#evict();
    }
    const connection: Connection = {
      ...fields,
      lastMs: fields.firstMs,
      burstMs: fields.firstMs,
      lastOutgoingMs: Number.NEGATIVE_INFINITY,
      lastReplyMs: Number.NEGATIVE_INFINITY,
      closedMs: 0,
      isEstablished: false,
      isRefused: false,
      isDenied: false,
      outgoingEvents: 0,
      replyEvents: 0,
      countedOutgoingMs: Number.NEGATIVE_INFINITY,
      countedReplyMs: Number.NEGATIVE_INFINITY,
      pauses: undefined,
      pauseCount: 0,
      isPinned: false,
      notes: [],
    };
    const peers = this.#byAddress.get(fields.ip);
    if (peers === undefined) {
      this.#byAddress.set(fields.ip, new Map([[key, connection]]));
    } else {
      peers.set(key, connection);
    }
    this.#all.push(connection);
    return connection;
  }

  /** Keeps a connection until no other is left to forget. Does nothing when a quarter of the table is pinned. */
  pin(connection: Connection): void {
    if (!connection.isPinned && this.#pinned < this.#capacity / 4) {
      connection.isPinned = true;
      this.#pinned += 1;
    }
  }

  all(): readonly Connection[] {
    return this.#all;
  }

  /** Names connections to an address that began after a time and have no name yet. */
  nameFresh(ip: string, names: readonly string[], sinceMs: number): void {
    for (const connection of this.#byAddress.get(ip)?.values() ?? []) {
      if (connection.naming !== 'Named' && connection.firstMs >= sinceMs) {
        connection.naming = 'Named';
        connection.names = names;
      }
    }
  }

  /** Newest connection to an address that has not been answered. */
  unanswered(ip: string): Connection | undefined {
    let newest: Connection | undefined;
    for (const connection of this.#byAddress.get(ip)?.values() ?? []) {
      const isOpen = !connection.isEstablished && !connection.isRefused;
      if (isOpen && (newest === undefined || connection.firstMs > newest.firstMs)) {
        newest = connection;
      }
    }
    return newest;
  }

  get evicted(): number {
    return this.#evicted;
  }

  #evict(): void {
    let victim = -1;
    let oldest = Number.POSITIVE_INFINITY;
    for (let index = 0; index < this.#all.length; index += 1) {
      const candidate = this.#all[index];
      if (candidate !== undefined && !candidate.isPinned && candidate.lastMs < oldest) {
        oldest = candidate.lastMs;
        victim = index;
      }
    }
    const connection = this.#all[victim];
    if (connection !== undefined) {
      this.#evicted += 1;
      this.#forgetKey(connection.ip, connectionKey(connection.protocol, connection.localPort, connection.port));
    }
  }

  #forgetKey(ip: string, key: number): void {
    const peers = this.#byAddress.get(ip);
    const connection = peers?.get(key);
    if (peers === undefined || connection === undefined) {
      return;
    }
    peers.delete(key);
    if (peers.size === 0) {
      this.#byAddress.delete(ip);
    }
    if (connection.isPinned) {
      this.#pinned -= 1;
    }
    const index = this.#all.indexOf(connection);
    const last = this.#all.pop();
    if (last !== undefined && last !== connection) {
      this.#all[index] = last;
    }
  }
}

/**
 * Whether a connection leads out of the cluster. Unused pod addresses and Services without that port are labelled world as
 * well, so a private address counts only once it has answered, and a cluster name never.
 */
export function leadsOut({ scope, isEstablished, names }: Connection): boolean {
  return scope === 'World' || (scope === 'Private' && isEstablished && names[0]?.endsWith('.cluster.local') !== true);
}

/** Key of a connection among those to one address. */
export function connectionKey(protocol: Protocol, localPort: number, port: number): number {
  return (localPort * 65_536 + port) * 8 + PROTOCOL_INDEX[protocol];
}

/**
 * Notes an event on a connection: liveness, direction, and the pause before it. Events within a second count once, so
 * duplicates change nothing.
 */
export function noteEvent(connection: Connection, timeMs: number, isReply: boolean): void {
  if (timeMs - connection.lastMs >= BURST_MS) {
    // From the question before to this one, not from the answer to that, unless answers went on for long.
    const fromMs = Math.max(connection.burstMs, connection.lastMs - BURST_MS);
    connection.pauses ??= new Float32Array(PAUSES);
    connection.pauses[connection.pauseCount % PAUSES] = (timeMs - fromMs) / 1000;
    connection.pauseCount += 1;
    connection.burstMs = timeMs;
  }
  if (isReply) {
    connection.lastReplyMs = Math.max(connection.lastReplyMs, timeMs);
    if (timeMs - connection.countedReplyMs >= BURST_MS) {
      connection.countedReplyMs = timeMs;
      connection.replyEvents += 1;
    }
  } else {
    connection.lastOutgoingMs = Math.max(connection.lastOutgoingMs, timeMs);
    if (timeMs - connection.countedOutgoingMs >= BURST_MS) {
      connection.countedOutgoingMs = timeMs;
      connection.outgoingEvents += 1;
    }
  }
  connection.lastMs = Math.max(connection.lastMs, timeMs);
}

const PROTOCOL_INDEX: Record<Protocol, number> = { TCP: 0, UDP: 1, SCTP: 2, ICMPv4: 3, ICMPv6: 4, OTHER: 5 };
