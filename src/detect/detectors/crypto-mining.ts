/**
 * CryptoMining: contact with mining pools, and connections that behave like a miner's.
 *
 * The name of a pool on a miner's port or under a miner's label is as good as certain. Without the name there are the
 * port, a connection that stays open with little but steady traffic, and the way XMRig keeps trying when it is refused;
 * none of these is enough alone, because other programs use those ports and retry like that. A miner behind a private proxy
 * on a named host and port 443 is not found: without sizes nothing tells it from a web socket.
 */
import { BoundedMap } from '../bounded-map.ts';
import { type Connection, leadsOut } from '../connections.ts';
import type { Detector, Observation, PodDetector, PodFacts, Report, ReportedEvidence } from '../detector.ts';
import { spanText } from '../explain.ts';
import { hasMiningWord, useOfPoolHost } from '../indicators/mining-words.ts';
import { type NameEntry, worstEntry } from '../indicators/name-list.ts';
import { MINER_PORTS_COMMON, MINER_PORTS_RARE, SSH_PORTS } from '../indicators/ports.ts';
import { isDue, type Reported, withReport } from '../reported.ts';
import { contactText, domainOf, listedTarget, targetOf } from '../target.ts';

export const cryptoMining: Detector = {
  name: 'CryptoMining',
  title: 'Crypto mining',
  attack: ['T1496.001'],
  atlas: ['AML.T0034'],
  create: (facts, slot) => new MiningWatch(facts, slot),
  onArrival(flow, { names, port }, { indicators }) {
    const entry = worstEntry(indicators.pools, names, port);
    const evidence = entry === undefined ? undefined : poolEvidence(entry, { names, port }, true);
    return evidence?.hard === true ? { ...evidence, timeMs: flow.timeMs, flow } : undefined;
  },
};

type Draft = Omit<ReportedEvidence, 'timeMs'>;

interface Attempts {
  /** Event times of the last attempts, oldest first. */
  startsMs: number[];
  /** Last packet of the latest attempt, retransmissions included. */
  lastPacketMs: number;
  /** Whether each attempt but the first followed the one before as XMRig would. */
  isLike: boolean[];
}

/** What is remembered of one external connection. */
interface Watched {
  /** The names the rest was looked up for; they may become known later. */
  names: readonly string[];
  entry: NameEntry | undefined;
  hasKeyword: boolean;
  isMinerPort: boolean;
  reported: Reported;
}

class MiningWatch implements PodDetector {
  readonly #facts: PodFacts;
  readonly #slot: number;
  readonly #attempts = new BoundedMap<string, Attempts>(MAX_TARGETS);

  constructor(facts: PodFacts, slot: number) {
    this.#facts = facts;
    this.#slot = slot;
  }

  onFlow(seen: Observation, report: Report): void {
    if (seen.kind === 'Dns') {
      this.#judgeName(seen, report);
    } else if (seen.connection !== undefined && leadsOut(seen.connection)) {
      this.#judgeConnection(seen.connection, seen, report);
    }
  }

  #judgeName({ flow, timeMs }: Observation, report: Report): void {
    const names = [flow.dns?.query ?? '', ...(flow.dns?.cnames ?? [])];
    const entry = worstEntry(this.#facts.indicators.pools, names, undefined);
    const draft = entry === undefined ? keywordEvidence(names) : poolEvidence(entry, { names, port: undefined }, false);
    const isDeclared = this.#facts.isDeclared({ ip: '', names, port: WEB, protocol: 'TCP' });
    if (draft !== undefined && (draft.points > BRAND_POINTS || !isDeclared)) {
      report({ ...draft, timeMs, flow });
    }
  }

  #judgeConnection(connection: Connection, seen: Observation, report: Report): void {
    const watched = this.#watch(connection);
    const isRetry = this.#noteAttempt(connection, seen);
    const tell = (signal: Signal, make: () => Draft | undefined) => {
      const index = SIGNALS.indexOf(signal);
      const isTurn = seen.denied || seen.established || isDue(watched.reported, index, seen.timeMs);
      const draft = isTurn ? make() : undefined;
      if (draft !== undefined) {
        watched.reported = withReport(watched.reported, index, seen.timeMs);
        this.#tell(connection, draft, { seen, report });
      }
    };
    if (watched.entry !== undefined || watched.hasKeyword) {
      tell(SIGNAL.pool, () => nameEvidence(connection, watched));
    }
    if (watched.isMinerPort && (connection.isEstablished || (connection.isDenied && this.#hasComeBack(connection)))) {
      tell(SIGNAL.port, () => portEvidence(connection));
    }
    if (mayCarryStratum(connection, watched)) {
      tell(SIGNAL.persistent, () => this.#persistentEvidence(connection));
      if (isRetry) {
        tell(SIGNAL.retry, () => retryEvidence(connection));
      }
    }
  }

  #watch(connection: Connection): Watched {
    let watched = connection.notes[this.#slot] as Watched | undefined;
    if (watched?.names !== connection.names) {
      const { names, port, protocol } = connection;
      const entry = worstEntry(this.#facts.indicators.pools, names, port);
      watched = {
        names,
        entry,
        hasKeyword: entry === undefined && names.some(hasMiningWord),
        isMinerPort: protocol === 'TCP' && (MINER_PORTS_RARE.has(port) || MINER_PORTS_COMMON.has(port)),
        reported: watched?.reported,
      };
      connection.setNote(this.#slot, watched);
    }
    return watched;
  }

  #tell(connection: Connection, draft: Draft, { seen, report }: { seen: Observation; report: Report }): void {
    const isPool = draft.signal === SIGNAL.pool && draft.points > BRAND_POINTS;
    if (!isPool && this.#facts.isDeclared(connection)) {
      return;
    }
    if (draft.points >= PIN_FROM) {
      this.#facts.connections.pin(connection);
    }
    const { entry } = this.#watch(connection);
    const isTimed = draft.signal === SIGNAL.persistent || draft.signal === SIGNAL.port;
    report({
      ...draft,
      target: entry === undefined ? draft.target : listedTarget(entry.suffix, connection.names[0]),
      timeMs: seen.timeMs,
      flow: seen.flow,
      connection: isTimed && connection.isEstablished ? connection : undefined,
    });
  }

  #persistentEvidence(connection: Connection): Draft | undefined {
    const minutes = (connection.lastMs - connection.firstMs) / 60_000;
    const isSteady = connection.outgoingEvents >= minutes && connection.replyEvents >= minutes;
    if (minutes < PERSISTENT_MINUTES || !isSteady || this.#persistentPlaces() > MAX_PLACES) {
      return undefined;
    }
    return {
      signal: SIGNAL.persistent,
      class: 'Timing',
      target: targetOf(connection),
      value: `steady little traffic both ways for ${spanText(connection.lastMs - connection.firstMs)}`,
      threshold:
        'TCP open for 10 min, an event a minute each way, to at most 3 destinations; with a miner port or no name',
      points: 25,
      source: 'DeCrypto (NordSec 2022) for the shape; Bulkhead: weight 25',
      decay: 'Connection',
    };
  }

  /** How many addresses outside the pod keeps long connections to. */
  #persistentPlaces(): number {
    const places = new Set<string>();
    for (const connection of this.#facts.connections.all()) {
      const isLong = connection.lastMs - connection.firstMs >= PERSISTENT_MINUTES * 60_000;
      if (isLong && connection.closedMs === 0 && connection.protocol === 'TCP' && leadsOut(connection)) {
        places.add(connection.ip);
      }
    }
    return places.size;
  }

  /** Notes attempts at a place that does not answer; true when the last five look like XMRig's. */
  #noteAttempt(connection: Connection, seen: Observation): boolean {
    if (connection.protocol !== 'TCP' || connection.isEstablished) {
      return false;
    }
    const key = placeKey(connection);
    let attempts = this.#attempts.get(key);
    if (seen.started) {
      attempts ??= { startsMs: [], lastPacketMs: Number.NaN, isLike: [] };
      addAttempt(attempts, seen.timeMs);
      this.#attempts.set(key, attempts);
    }
    if (attempts === undefined) {
      return false;
    }
    if (seen.kind === 'Outgoing') {
      attempts.lastPacketMs = Math.max(attempts.lastPacketMs || 0, seen.timeMs);
    }
    return attempts.isLike.length >= RETRY.attempts - 1 && attempts.isLike.every(Boolean);
  }

  /** A scan touches a port once; who comes back for it means it. */
  #hasComeBack(connection: Connection): boolean {
    const starts = this.#attempts.get(placeKey(connection))?.startsMs ?? [];
    return (starts.at(-1) ?? 0) - (starts[0] ?? 0) >= MERGE_MS;
  }
}

function nameEvidence(connection: Connection, { entry }: Watched): Draft | undefined {
  const { names, port, isDenied, isEstablished } = connection;
  // In audit mode a denied connection is established all the same.
  return entry === undefined
    ? keywordEvidence(names)
    : poolEvidence(entry, { names, port }, isEstablished || !isDenied);
}

function placeKey(connection: Connection): string {
  return `${connection.names[0] ?? connection.ip}:${connection.port}`;
}

function addAttempt(attempts: Attempts, timeMs: number): void {
  const before = attempts.startsMs.at(-1);
  if (before !== undefined) {
    attempts.isLike.push(isRetryPause(timeMs - before, timeMs - attempts.lastPacketMs));
  }
  attempts.startsMs.push(timeMs);
  if (attempts.startsMs.length > RETRY.attempts) {
    attempts.startsMs.shift();
    attempts.isLike.shift();
  }
}

/**
 * XMRig waits 5 s after a failed attempt. A refused attempt fails at once; one that is dropped in silence sends SYNs with
 * growing pauses until it times out after 20 s, so then the wait comes on top of that.
 */
function isRetryPause(sinceStartMs: number, sinceLastPacketMs: number): boolean {
  return (
    (sinceLastPacketMs >= RETRY.fromMs && sinceLastPacketMs <= RETRY.toMs) ||
    (sinceStartMs >= RETRY.connectTimeoutMs + RETRY.fromMs && sinceStartMs <= RETRY.connectTimeoutMs + RETRY.toMs)
  );
}

/** Only together with something that says mining rather than any service: a miner port, or an address without a name. */
function mayCarryStratum({ protocol, port, naming }: Connection, { isMinerPort }: Watched): boolean {
  // What goes to ssh ports is for ReverseTunnel to judge; it would count the same packets twice.
  return protocol === 'TCP' && !SSH_PORTS.has(port) && (isMinerPort || naming === 'Direct');
}

function portEvidence(connection: Connection): Draft {
  const isRare = MINER_PORTS_RARE.has(connection.port);
  return {
    signal: SIGNAL.port,
    class: 'Port',
    target: targetOf(connection),
    value: `port ${connection.port}, ${isRare ? 'which little but miners uses' : 'which miners use too'}`,
    threshold: isRare ? 'stratum port that little else uses' : 'stratum port that ordinary services use',
    points: isRare ? 40 : 10,
    source: 'Falco miner_ports; Bulkhead: weights 40 and 10',
    decay: 'Connection',
  };
}

function retryEvidence(connection: Connection): Draft {
  return {
    signal: SIGNAL.retry,
    class: 'Timing',
    target: targetOf(connection),
    value: `${RETRY.attempts} attempts, each about 5 s after the last had failed`,
    threshold:
      'at least 5 attempts at one place, each 4 to 7 s after the end of the last one and its SYN retransmissions',
    points: 30,
    source: 'XMRig config.json: retries 5, retry-pause 5',
    decay: 'Denial',
  };
}

/**
 * Evidence from the name of a pool. What is mined at and what is read are on the same domain: the port tells, and where it
 * is the web's, the first label.
 *
 * @param port - undefined when the name was only asked for.
 */
export function poolEvidence(
  entry: NameEntry,
  { names, port }: { names: readonly string[]; port: number | undefined },
  isForwarded: boolean,
): Draft {
  const name = names.find((one) => one === entry.suffix || one.endsWith(`.${entry.suffix}`)) ?? entry.suffix;
  const use = entry.role === 'brand' ? 'Site' : useOfPoolHost(name.slice(0, -domainOf(name).length), port);
  const hard = use === 'Mining' && isForwarded && port !== undefined;
  const softPoints = use === 'Site' ? BRAND_POINTS : 70;
  return {
    signal: SIGNAL.pool,
    class: 'NameList',
    target: listedTarget(entry.suffix, name),
    value: `${contactText(name, port, isForwarded)}, ${use === 'Site' ? 'the site of a mining pool' : 'a mining pool'}`,
    threshold: `${entry.suffix} on the list of mining pools, by a miner's port or label`,
    points: hard ? 95 : softPoints,
    source: entry.source,
    hard,
    decay: 'List',
  };
}

function keywordEvidence(names: readonly string[]): Draft | undefined {
  const name = names.find(hasMiningWord);
  return name === undefined
    ? undefined
    : {
        signal: SIGNAL.pool,
        class: 'NameList',
        target: listedTarget(name, name),
        value: `the name ${name} reads like a mining pool`,
        threshold: 'a word of mining in a name that is on no list',
        points: BRAND_POINTS,
        source: 'Bulkhead: strict keywords, which 44 % of listed pool hosts and 0.16 % of 20 000 popular names have',
        decay: 'List',
      };
}

const SIGNAL = {
  pool: 'mining-pool',
  port: 'miner-port',
  persistent: 'persistent-sparse',
  retry: 'miner-retry',
} as const;
type Signal = (typeof SIGNAL)[keyof typeof SIGNAL];
const SIGNALS: readonly Signal[] = Object.values(SIGNAL);

const BRAND_POINTS = 20;
const PERSISTENT_MINUTES = 10;
const MAX_PLACES = 3;
const RETRY = { attempts: 5, fromMs: 4000, toMs: 7000, connectTimeoutMs: 20_000 } as const;
const MERGE_MS = 10_000;
const PIN_FROM = 20;
const MAX_TARGETS = 32;
const WEB = 443;
