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

/** What is known of a connection when it is opened. */
export interface NewConnection {
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
  readonly firstMs: number;
}

/** Pauses remembered per connection. */
export const PAUSES = 16;

/** Events closer together than this are one burst: verdict and trace of one packet, or a request and its ACK. */
export const BURST_MS = 1000;

/**
 * One connection. Times are kept as whole milliseconds since its first packet: small integers, which cost nothing beside
 * the object, where doubles would double its size.
 */
export class Connection implements NewConnection {
  readonly ip: string;
  readonly protocol: Protocol;
  readonly localPort: number;
  readonly port: number;
  readonly scope: Scope;
  readonly group: string;
  naming: Naming;
  names: readonly string[];
  sawStart: boolean;
  readonly firstMs: number;
  /** Something but a refusal came back. */
  isEstablished = false;
  isRefused = false;
  isDenied = false;
  isPinned = false;
  /** Events at least a second apart, per direction. Aggregation shows at most one per interval. */
  outgoingEvents = 0;
  replyEvents = 0;
  /** The last pauses of a second or more between bursts of either direction, start to start, in milliseconds; a ring. */
  pauses: number[] = NO_PAUSES;
  pauseCount = 0;
  /** What detectors remember of it, each in its own slot: lives and dies with the connection. */
  notes: readonly unknown[] = NO_NOTES;
  /** Another connection to the same address; the table's own. */
  next: Connection | undefined = undefined;
  #last = 0;
  #burst = 0;
  #outgoing = NEVER;
  #countedOutgoing = NEVER;
  #countedReply = NEVER;
  #closed = NEVER;

  constructor(fields: NewConnection) {
    this.ip = fields.ip;
    this.protocol = fields.protocol;
    this.localPort = fields.localPort;
    this.port = fields.port;
    this.scope = fields.scope;
    this.group = fields.group;
    this.naming = fields.naming;
    this.names = fields.names;
    this.sawStart = fields.sawStart;
    this.firstMs = fields.firstMs;
  }

  /** Event time of the newest event. */
  get lastMs(): number {
    return this.firstMs + this.#last;
  }

  get lastOutgoingMs(): number {
    return this.firstMs + this.#outgoing;
  }

  /** Event time of FIN or RST; 0 while open. */
  get closedMs(): number {
    return this.#closed === NEVER ? 0 : this.firstMs + this.#closed;
  }

  /**
   * Notes an event: liveness, direction, and the pause before it. Events within a second count once, so duplicates change
   * nothing.
   */
  note(timeMs: number, isReply: boolean): void {
    const at = Math.round(timeMs - this.firstMs);
    if (at - this.#last >= BURST_MS) {
      this.#notePause(at);
    }
    if (isReply) {
      this.replyEvents += at - this.#countedReply >= BURST_MS ? 1 : 0;
      this.#countedReply = at - this.#countedReply >= BURST_MS ? at : this.#countedReply;
    } else {
      this.outgoingEvents += at - this.#countedOutgoing >= BURST_MS ? 1 : 0;
      this.#countedOutgoing = at - this.#countedOutgoing >= BURST_MS ? at : this.#countedOutgoing;
      this.#outgoing = Math.max(this.#outgoing, at);
    }
    this.#last = Math.max(this.#last, at);
  }

  setNote(slot: number, note: unknown): void {
    const notes = [...this.notes];
    notes[slot] = note;
    this.notes = notes;
  }

  /** Notes its end; the first counts. */
  close(timeMs: number): void {
    if (this.#closed === NEVER) {
      this.#closed = Math.round(timeMs - this.firstMs);
    }
  }

  #notePause(at: number): void {
    // From the question before to this one, not from the answer to that, unless answers went on for long.
    const from = Math.max(this.#burst, this.#last - BURST_MS);
    if (this.pauseCount === 0) {
      this.pauses = [];
    }
    this.pauses[this.pauseCount % PAUSES] = at - from;
    this.pauseCount += 1;
    this.#burst = at;
  }
}

export class ConnectionTable {
  readonly #capacity: number;
  /** By address, the newest first in a chain: most addresses have one, and the newest is the one that is asked for. */
  readonly #byAddress = new Map<string, Connection>();
  readonly #all: Connection[] = [];
  #pinned = 0;
  #evicted = 0;

  /** @param capacity - most connections remembered, at least 4. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  find(ip: string, protocol: Protocol, localPort: number, port: number): Connection | undefined {
    let connection = this.#byAddress.get(ip);
    while (
      connection !== undefined &&
      (connection.localPort !== localPort || connection.port !== port || connection.protocol !== protocol)
    ) {
      connection = connection.next;
    }
    return connection;
  }

  /** Remembers a connection, instead of an older one with the same ends. */
  open(fields: NewConnection): Connection {
    const known = this.find(fields.ip, fields.protocol, fields.localPort, fields.port);
    if (known !== undefined) {
      this.#forget(known);
    } else if (this.#all.length >= this.#capacity) {
      this.#evict(fields.firstMs);
    }
    const connection = new Connection(fields);
    connection.next = this.#byAddress.get(fields.ip);
    this.#byAddress.set(fields.ip, connection);
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
    for (let connection = this.#byAddress.get(ip); connection !== undefined; connection = connection.next) {
      if (connection.naming !== 'Named' && connection.firstMs >= sinceMs) {
        connection.naming = 'Named';
        connection.names = names;
      }
    }
  }

  /** Newest connection to an address that has not been answered. */
  unanswered(ip: string): Connection | undefined {
    let connection = this.#byAddress.get(ip);
    while (connection !== undefined && (connection.isEstablished || connection.isRefused)) {
      connection = connection.next;
    }
    return connection;
  }

  get evicted(): number {
    return this.#evicted;
  }

  /** Closed ones first, once nothing more is to be expected of them; then whoever was quiet the longest. */
  #evict(nowMs: number): void {
    let victim: Connection | undefined;
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const connection of this.#all) {
      const isOver = connection.closedMs > 0 && nowMs - connection.lastMs > CLOSED_KEPT_MS;
      const sinceMs = isOver ? connection.lastMs - CLOSED_COUNTS_AS_MS : connection.lastMs;
      if (!connection.isPinned && sinceMs < oldestMs) {
        oldestMs = sinceMs;
        victim = connection;
      }
    }
    if (victim !== undefined) {
      this.#evicted += 1;
      this.#forget(victim);
    }
  }

  #forget(connection: Connection): void {
    this.#unchain(connection);
    if (connection.isPinned) {
      this.#pinned -= 1;
    }
    const index = this.#all.indexOf(connection);
    const last = this.#all.pop();
    if (last !== undefined && last !== connection) {
      this.#all[index] = last;
    }
  }

  #unchain(connection: Connection): void {
    let before = this.#byAddress.get(connection.ip);
    if (before === connection) {
      if (connection.next === undefined) {
        this.#byAddress.delete(connection.ip);
      } else {
        this.#byAddress.set(connection.ip, connection.next);
      }
    } else {
      while (before !== undefined && before.next !== connection) {
        before = before.next;
      }
      if (before !== undefined) {
        before.next = connection.next;
      }
    }
    connection.next = undefined;
  }
}

/**
 * Whether a connection leads out of the cluster. Unused pod addresses and Services without that port are labelled world as
 * well, so a private address counts only once it has answered, and a cluster name never.
 */
export function leadsOut({
  scope,
  isEstablished,
  names,
}: Pick<Connection, 'scope' | 'isEstablished' | 'names'>): boolean {
  return scope === 'World' || (scope === 'Private' && isEstablished && names[0]?.endsWith('.cluster.local') !== true);
}

const NEVER = -(2 ** 30);
const NO_PAUSES: number[] = [];
const NO_NOTES: readonly unknown[] = [];
/** FIN and its ACKs may still come. */
const CLOSED_KEPT_MS = 10_000;
/** A closed connection goes before one that has been silent for up to a day. */
const CLOSED_COUNTS_AS_MS = 24 * 3_600_000;
