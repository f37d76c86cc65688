/**
 * ReverseTunnel: connections through which the outside could come in, and services made for that.
 *
 * A tunnel over a vendor's service is known by name alone; one over ssh or an own protocol by what it does: it goes to an
 * address nobody asked a name for, stays open, is kept alive at regular intervals, and what comes in through it goes on
 * into the cluster within a second (a pivot). Sizes and payload are not in a flow, so a tunnel to a named host on 443 that
 * nobody uses looks like any web socket, and is not found.
 */
import { BoundedMap } from '../bounded-map.ts';
import { regularityOf } from '../cadence.ts';
import { BURST_MS, type Connection, leadsOut } from '../connections.ts';
import type { Detector, Observation, PodDetector, PodFacts, Report, ReportedEvidence } from '../detector.ts';
import { spanText } from '../explain.ts';
import { type NameEntry, worstEntry } from '../indicators/name-list.ts';
import { CALLBACK_PORTS, DNS_PORTS, NTP_PORT, OVERLAY_PORTS, SSH_PORTS } from '../indicators/ports.ts';
import { isDue, type Reported, withReport } from '../reported.ts';
import { addressAndPort, isInternal } from '../scope.ts';
import { UNCERTAIN } from '../score.ts';
import { contactText, listedTarget, targetOf } from '../target.ts';

export const reverseTunnel: Detector = {
  name: 'ReverseTunnel',
  title: 'Tunnel that lets the outside in',
  attack: ['T1572', 'T1090.002', 'T1219.001', 'T1571', 'T1133'],
  atlas: ['AML.T0072', 'AML.T0108'],
  create: (facts, slot) => new TunnelWatch(facts, slot),
  onArrival(flow, { names, port }, { indicators }) {
    const entry = worstEntry(indicators.tunnels, names, port);
    return entry?.role === 'agent'
      ? { ...listed(entry, { name: names[0] ?? entry.suffix, port }, true), timeMs: flow.timeMs, flow }
      : undefined;
  },
};

/** What is remembered of one external connection. */
interface Watched {
  /** The names `entry` was looked up for; they may become known later. */
  names: readonly string[];
  entry: NameEntry | undefined;
  isSsh: boolean;
  isGit: boolean;
  reported: Reported;
  checkedPauses: number;
  /** An answer that came unasked; NaN when a pivot has been counted for it. */
  unaskedMs: number;
  pivots: number;
  pivotTo: string;
}

const SIGNAL = {
  listed: 'tunnel-service',
  ssh: 'ssh-to-outside',
  overlay: 'overlay-port',
  callback: 'callback-port',
  age: 'unnamed-long-lived',
  keepalive: 'regular-keepalive',
  pivot: 'pivot',
} as const;

type Signal = (typeof SIGNAL)[keyof typeof SIGNAL];
const SIGNALS: readonly Signal[] = Object.values(SIGNAL);

type Draft = Omit<ReportedEvidence, 'target' | 'timeMs' | 'decay' | 'signal'> & { signal: Signal };

class TunnelWatch implements PodDetector {
  readonly #facts: PodFacts;
  readonly #slot: number;
  /** Connections whose answers may drive pivots. */
  readonly #doorways = new BoundedMap<Connection, Watched>(MAX_DOORWAYS, (watched) => watched.pivots > 0);
  /** Denied attempts at suspicious ports, by target, merged as repeats are. */
  readonly #denials = new BoundedMap<string, { count: number; countedMs: number }>(MAX_DENIED);

  constructor(facts: PodFacts, slot: number) {
    this.#facts = facts;
    this.#slot = slot;
  }

  onFlow(seen: Observation, report: Report): void {
    if (seen.kind === 'Dns') {
      this.#judgeName(seen, report);
      return;
    }
    const { connection } = seen;
    if (connection === undefined) {
      return;
    }
    if (seen.started && isInternal(connection.scope) && !DNS_PORTS.has(connection.port)) {
      this.#judgePivot(connection, seen, report);
    }
    if (leadsOut(connection)) {
      this.#judgeConnection(connection, seen, report);
    }
  }

  #judgeName({ flow, timeMs }: Observation, report: Report): void {
    const names = [flow.dns?.query ?? '', ...(flow.dns?.cnames ?? [])];
    const entry = worstEntry(this.#facts.indicators.tunnels, names, undefined);
    const place = { ip: '', names, port: WEB, protocol: 'TCP' };
    if (entry !== undefined && (entry.role === 'agent' || !this.#facts.isDeclared(place))) {
      report({ ...listed(entry, { name: names[0] ?? '', port: undefined }, false), timeMs, flow });
    }
  }

  #judgeConnection(connection: Connection, seen: Observation, report: Report): void {
    const watched = this.#watch(connection);
    if (seen.kind === 'Reply') {
      this.#noteAnswer(connection, watched, seen.timeMs);
    }
    const tell = (signal: Signal, make: () => Draft | undefined) => {
      const isTurn = seen.denied || seen.established || isDue(watched.reported, SIGNALS.indexOf(signal), seen.timeMs);
      const draft = isTurn ? make() : undefined;
      if (draft !== undefined) {
        this.#tell(connection, watched, { draft, seen, report });
      }
    };
    const { entry } = watched;
    if (entry !== undefined) {
      const place = { name: connection.names[0] ?? entry.suffix, port: connection.port };
      tell(SIGNAL.listed, () => listed(entry, place, connection.isEstablished || !connection.isDenied));
    }
    const port = portSignal(connection, watched);
    if (port !== undefined && this.#isMeant(connection, seen)) {
      tell(port, () => PORT_EVIDENCE[port](connection));
    }
    tell(SIGNAL.age, () => ageEvidence(connection));
    tell(SIGNAL.keepalive, () => keepaliveEvidence(connection, watched));
  }

  /** Reports evidence about a connection, unless the sandbox declares where it leads. */
  #tell(connection: Connection, watched: Watched, { draft, seen, report }: Told): void {
    const { entry } = watched;
    const isList = draft.signal === SIGNAL.listed;
    if (!(isList && entry?.role === 'agent') && this.#facts.isDeclared(connection)) {
      return;
    }
    watched.reported = withReport(watched.reported, SIGNALS.indexOf(draft.signal), seen.timeMs);
    if (draft.points >= PIN_FROM) {
      this.#facts.connections.pin(connection);
    }
    report({
      ...draft,
      target: entry === undefined ? targetOf(connection) : listedTarget(entry.suffix, connection.names[0]),
      timeMs: seen.timeMs,
      decay: isList ? 'List' : 'Connection',
      flow: seen.flow,
      connection: isList ? undefined : connection,
    });
  }

  /** Whether the port is really used: answered, or, where that is refused, tried again. A scan touches a port once. */
  #isMeant(connection: Connection, seen: Observation): boolean {
    // In audit mode a denied connection is established all the same.
    return (
      connection.isEstablished ||
      (connection.isDenied ? this.#isRepeatedDenial(connection, seen) : connection.protocol === 'UDP')
    );
  }

  #isRepeatedDenial(connection: Connection, seen: Observation): boolean {
    const { key } = targetOf(connection);
    const known = this.#denials.get(key) ?? { count: 0, countedMs: Number.NEGATIVE_INFINITY };
    if (seen.denied && seen.timeMs - known.countedMs >= MERGE_MS) {
      this.#denials.set(key, { count: known.count + 1, countedMs: seen.timeMs });
      return known.count + 1 >= 2;
    }
    return known.count >= 2;
  }

  #noteAnswer(connection: Connection, watched: Watched, timeMs: number): void {
    const isLongLived = timeMs - connection.firstMs >= AGGREGATION_MS;
    if (isLongLived && timeMs - connection.lastOutgoingMs >= BURST_MS) {
      watched.unaskedMs = timeMs;
    }
  }

  #judgePivot(inside: Connection, seen: Observation, report: Report): void {
    for (const [connection, watched] of this.#doorways.entries()) {
      const delayMs = seen.timeMs - watched.unaskedMs;
      if (connection !== inside && delayMs >= 0 && delayMs <= PIVOT_WITHIN_MS) {
        watched.unaskedMs = Number.NaN;
        watched.pivots += 1;
        watched.pivotTo = addressAndPort(inside.ip, inside.port);
        if (watched.pivots >= PIVOTS) {
          this.#tell(connection, watched, { draft: pivotEvidence(watched), seen, report });
        }
      }
    }
  }

  #watch(connection: Connection): Watched {
    let watched = connection.notes[this.#slot] as Watched | undefined;
    if (watched === undefined) {
      watched = { ...this.#classify(connection), ...newWatched() };
      connection.setNote(this.#slot, watched);
    } else if (watched.names !== connection.names) {
      Object.assign(watched, this.#classify(connection));
    } else {
      return watched;
    }
    if (isDoorway(connection, watched)) {
      this.#doorways.set(connection, watched);
    } else {
      this.#doorways.delete(connection);
    }
    return watched;
  }

  #classify(connection: Connection): Pick<Watched, 'names' | 'entry' | 'isSsh' | 'isGit'> {
    const { tunnels, gitHosts } = this.#facts.indicators;
    const { names, port, protocol } = connection;
    const isSshName = names[0]?.startsWith('ssh.') === true;
    return {
      names,
      entry: worstEntry(tunnels, names, port),
      isSsh: protocol === 'TCP' && (SSH_PORTS.has(port) || isSshName),
      isGit: worstEntry(gitHosts, names, port) !== undefined,
    };
  }
}

interface Told {
  draft: Draft;
  seen: Observation;
  report: Report;
}

function newWatched(): Omit<Watched, 'names' | 'entry' | 'isSsh' | 'isGit'> {
  return { reported: undefined, checkedPauses: 0, unaskedMs: Number.NaN, pivots: 0, pivotTo: '' };
}

/** Which port evidence fits a connection, the strongest first. */
function portSignal(connection: Connection, { isSsh, isGit }: Watched): keyof typeof PORT_EVIDENCE | undefined {
  if (isSsh) {
    return isGit ? undefined : SIGNAL.ssh;
  }
  if (connection.protocol === 'UDP') {
    return OVERLAY_PORTS.has(connection.port) ? SIGNAL.overlay : undefined;
  }
  const isCallback = connection.protocol === 'TCP' && CALLBACK_PORTS.has(connection.port);
  return isCallback && connection.naming === 'Direct' ? SIGNAL.callback : undefined;
}

/**
 * Whether an answer on this connection may be somebody coming in. An agent that gets its orders from a model and then calls
 * a tool looks the same; only who is at the other end tells them apart, so a web server with a name, or one that may have
 * had a name nobody saw, is not suspected of it.
 */
function isDoorway(connection: Connection, watched: Watched): boolean {
  const isListed = watched.entry !== undefined && watched.entry.role !== 'brand';
  return watched.isSsh || isListed || connection.naming === 'Direct';
}

function listed(
  entry: NameEntry,
  place: { name: string; port: number | undefined },
  isForwarded: boolean,
): Draft & Pick<ReportedEvidence, 'target' | 'decay'> {
  const isContact = isForwarded && place.port !== undefined;
  const isHard = entry.role === 'agent' && isContact;
  return {
    signal: SIGNAL.listed,
    class: 'NameList',
    target: listedTarget(entry.suffix, place.name),
    value: `${contactText(place.name, place.port, isForwarded)}, ${ROLE_TEXT[entry.role]}`,
    threshold: `${entry.suffix} on the list of tunnel services, role ${entry.role}`,
    points: isHard ? 90 : LIST_POINTS[entry.role],
    source: entry.source,
    hard: isHard,
    decay: 'List',
  };
}

function sshEvidence({ naming }: Connection): Draft {
  return {
    signal: SIGNAL.ssh,
    class: 'Port',
    value: SSH_TEXT[naming],
    threshold: `port ${[...SSH_PORTS].join(', ')} or a name ssh.*, to the outside and to no known git host`,
    points: naming === 'Unknown' ? 45 * UNCERTAIN : 45,
    source: 'Bulkhead: weight 45; Falco "Disallowed SSH Connection"',
  };
}

function overlayEvidence({ port }: Connection): Draft {
  return {
    signal: SIGNAL.overlay,
    class: 'Port',
    value: `UDP port ${port} of overlay networks`,
    threshold: `one of ${[...OVERLAY_PORTS].join(', ')} to the outside`,
    points: 40,
    source: 'vendor documentation of WireGuard, Tailscale, ZeroTier and STUN; Bulkhead: weight 40',
  };
}

function callbackEvidence({ port }: Connection): Draft {
  return {
    signal: SIGNAL.callback,
    class: 'Port',
    value: `port ${port}, which call-backs use`,
    threshold: 'a call-back port at an address without a DNS name',
    points: 15,
    source: CALLBACK_PORTS.get(port) ?? '',
  };
}

function ageEvidence(connection: Connection): Draft | undefined {
  const ageMs = connection.lastMs - connection.firstMs;
  if (ageMs < AGE_MS || connection.naming === 'Named' || !mayTunnel(connection)) {
    return undefined;
  }
  const isSure = connection.naming === 'Direct';
  return {
    signal: SIGNAL.age,
    class: 'NameList',
    value: `open for ${spanText(ageMs)}, ${isSure ? 'without a DNS name' : 'no name known'}`,
    threshold: 'no DNS name and open for 10 min; further rungs 30 min, 1 h, 12 h',
    points: isSure ? 35 : 35 * UNCERTAIN,
    source: 'zeek-long-connections default_durations; Bulkhead: weight 35',
  };
}

/** Time and DNS are regular and long-lived by nature; pings have their own detector. */
function mayTunnel({ protocol, port }: Connection): boolean {
  return (protocol === 'TCP' || (protocol === 'UDP' && port !== NTP_PORT)) && !DNS_PORTS.has(port);
}

function keepaliveEvidence(connection: Connection, watched: Watched): Draft | undefined {
  const isNew = connection.pauseCount >= KEEPALIVE.pauses && watched.checkedPauses !== connection.pauseCount;
  if (!isNew || !mayTunnel(connection)) {
    return undefined;
  }
  watched.checkedPauses = connection.pauseCount;
  const { medianMs, regular, count } = regularityOf(connection);
  const isInRange = medianMs >= KEEPALIVE.fromMs && medianMs <= KEEPALIVE.toMs;
  return !isInRange || regular / count < KEEPALIVE.share
    ? undefined
    : {
        signal: SIGNAL.keepalive,
        class: 'Timing',
        value: `keepalive every ${Math.round(medianMs / SECOND_MS)} s (${regular} of ${count} pauses within ±30 %)`,
        threshold: 'at least 12 pauses with a median of 10 to 120 s, 75 % of them within ±30 % of it',
        points: 25,
        source: 'Bulkhead: weight 25; intervals of ssh ServerAliveInterval, WireGuard (25 s) and ngrok',
      };
}

function pivotEvidence({ pivots, pivotTo }: Watched): Draft {
  return {
    signal: SIGNAL.pivot,
    class: 'Topology',
    value: `${pivots} times something came in unasked and a new internal connection followed within 1 s, last to ${pivotTo}`,
    threshold: 'at least 3 pivots on one connection',
    points: 40,
    source: 'Bulkhead: own signal, seen with ssh -R on a real node',
  };
}

const LIST_POINTS = { agent: 70, endpoint: 60, brand: 20 } as const;
const ROLE_TEXT = {
  agent: 'where tunnels are opened from this side',
  endpoint: 'a tunnel of somebody else',
  brand: 'the site of a tunnel service',
} as const;
const SSH_TEXT = {
  Named: 'SSH to a host that is no known git host',
  Direct: 'SSH to an address without a DNS name',
  Unknown: 'SSH to an address whose name is not known',
} as const;
/** A name alone has no port; sandboxes declare web ports for what they name. */
const WEB = 443;
const PORT_EVIDENCE = {
  [SIGNAL.ssh]: sshEvidence,
  [SIGNAL.overlay]: overlayEvidence,
  [SIGNAL.callback]: callbackEvidence,
} as const satisfies Record<string, (connection: Connection) => Draft>;

/** First rung of zeek-long-connections' `default_durations`: 10 min, 30 min, 1 h, 12 h. */
const AGE_MS = 10 * 60_000;
const KEEPALIVE = { pauses: 12, share: 0.75, fromMs: 10_000, toMs: 120_000 } as const;
const SECOND_MS = 1000;
const PIVOTS = 3;
const PIVOT_WITHIN_MS = 1000;
/** Hubble's default `monitor-aggregation-interval`: a younger connection's answers belong to its handshake. */
const AGGREGATION_MS = 5000;
/** Attempts closer together are one intent. */
const MERGE_MS = 10_000;
/** From these points on, a connection is kept in memory. */
const PIN_FROM = 20;
const MAX_DOORWAYS = 16;
const MAX_DENIED = 64;
