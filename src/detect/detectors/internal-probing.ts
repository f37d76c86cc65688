/**
 * InternalProbing: a pod that feels its way around the network.
 *
 * Threshold random walk (Jung 2004): whoever knows where it is going mostly succeeds at the first contact with a place,
 * whoever probes mostly fails, and a handful of first contacts tell the two apart, however slowly they come. Kept as a
 * CUSUM that cannot go below zero, so past success buys no failures. Beside it the shape: many ports of one place, one port
 * of many places, many places that answer.
 * A place is a name, a workload or a Service where there is one, so that happy eyeballs, stale endpoints and rolling
 * restarts are one place, judged by its best answer. Outside of the cluster only what nobody asked a name for is probing.
 */

import type { Flow } from '../../flows/flow.ts';
import { BoundedMap } from '../bounded-map.ts';
import type { Connection } from '../connections.ts';
import {
  ANSWER_TIMEOUT_MS,
  type Detector,
  type Observation,
  type PodDetector,
  type PodFacts,
  type Report,
  type ReportedEvidence,
} from '../detector.ts';
import { HashMemory } from '../hash-memory.ts';
import { isWebPort } from '../indicators/name-list.ts';
import { DNS_PORTS } from '../indicators/ports.ts';
import { START_GRACE_MS } from '../names.ts';
import { RecentKeys } from '../recent.ts';
import { isInternal, networkOf } from '../scope.ts';
import { isSearchPath, serviceOf } from '../search-path.ts';
import { placeText } from '../target.ts';

export const internalProbing: Detector = {
  name: 'InternalProbing',
  title: 'Probing of the network',
  attack: ['T1046', 'T1018', 'T1613'],
  atlas: ['AML.T0075'],
  create: (facts) => new ProbingWatch(facts),
};

/** A first contact whose outcome is not known yet. */
interface Pending {
  key: string;
  /** For people. */
  text: string;
  /** Undefined when only a name was asked for. */
  connection: Connection | undefined;
  flow: Flow | undefined;
  startedMs: number;
  /** At one address at least; another of the same place may still answer. */
  hasFailed: boolean;
  hasAnswered: boolean;
}

type Draft = Omit<ReportedEvidence, 'target' | 'decay' | 'timeMs' | 'flow'>;

class ProbingWatch implements PodDetector {
  readonly #facts: PodFacts;
  /** Places and ports that have been contacted. */
  readonly #contacts: HashMemory;
  /** In the order in which they began. */
  readonly #pending = new Map<string, Pending>();
  readonly #placesByPort = new BoundedMap<number, RecentKeys>(MAX_SHAPES);
  readonly #portsByPlace = new BoundedMap<string, RecentKeys>(MAX_SHAPES);
  /** Places whose first contact a policy denied. */
  readonly #denied = new RecentKeys(DENIED_WINDOW_MS, DENIED[0].count);
  readonly #answered = new RecentKeys(ANSWERED.windowMs, ANSWERED.count);
  #nextTimerMs = Number.POSITIVE_INFINITY;
  #walk = 0;
  /** Since the walk last stood at zero. */
  #failures = 0;

  constructor(facts: PodFacts) {
    this.#facts = facts;
    this.#contacts = new HashMemory(MAX_CONTACTS, CONTACT_MEMORY_MS, facts.hashKey);
  }

  onFlow(seen: Observation, report: Report): void {
    const { connection } = seen;
    if (seen.kind === 'Dns') {
      this.#judgeName(seen, report);
    }
    if (connection === undefined || !isJudged(connection)) {
      return;
    }
    if (seen.started) {
      this.#begin({ key: contactKey(connection), text: placeText(connection), connection }, seen);
      this.#judgeShape(connection, seen, report);
    }
    const outcome = { hasAnswered: seen.established, hasFailed: seen.refused || seen.denied };
    this.#resolve(contactKey(connection), outcome, seen, report);
  }

  nextTimerMs(): number {
    return this.#nextTimerMs;
  }

  onTimer(nowMs: number, report: Report): void {
    this.#judgeInTurn(nowMs, report);
  }

  /**
   * Lets the walk take its steps in the order in which the contacts began, not in that of their answers: a failure may
   * take six seconds to be sure of, and a flood of successes in the meantime must not outweigh it.
   */
  #judgeInTurn(nowMs: number, report: Report): void {
    this.#nextTimerMs = Number.POSITIVE_INFINITY;
    for (const [key, pending] of this.#pending) {
      const dueMs = pending.startedMs + ANSWER_TIMEOUT_MS;
      const isSure = pending.hasAnswered || (pending.hasFailed && !isGrouped(pending));
      if (!isSure && dueMs > nowMs) {
        this.#nextTimerMs = dueMs;
        return;
      }
      this.#pending.delete(key);
      if (pending.hasAnswered) {
        this.#noteSuccess(pending, nowMs, report);
      } else if (pending.hasFailed || this.#isUnanswered(pending)) {
        this.#noteFailure(pending, nowMs, report);
      }
    }
  }

  /** Guessing the names of Services is feeling around too: asking is the contact, and a name that is not there a failure. */
  #judgeName(seen: Observation, report: Report): void {
    const dns = seen.flow.dns;
    if (dns === undefined) {
      return;
    }
    const service = serviceOf(dns.query);
    if (service === undefined) {
      if (this.#pending.has(nameKey(dns.query)) && isSearchPath(`${dns.query}.svc.cluster.local`) === 'Perhaps') {
        // A name of the internet, which the resolver had tried inside the cluster first.
        this.#pending.delete(nameKey(dns.query));
      }
      return;
    }
    const key = nameKey(service);
    this.#begin({ key, text: dns.query, connection: undefined }, seen);
    // One of A and AAAA may exist without the other, so a failure waits for both.
    const hasFailed = dns.rcode === RCODE_NO_NAME || seen.denied;
    this.#resolve(key, { hasAnswered: dns.ips.length > 0, hasFailed }, seen, report);
  }

  #begin(contact: Pick<Pending, 'key' | 'text' | 'connection'>, { flow, timeMs }: Observation): void {
    if (this.#contacts.add(contact.key, timeMs) && this.#pending.size < MAX_PENDING) {
      // A flood of contacts must not keep a flood of flows; the first ones show it well enough.
      const kept = this.#pending.size < FLOWS_KEPT ? flow : undefined;
      this.#pending.set(contact.key, {
        ...contact,
        flow: kept,
        startedMs: timeMs,
        hasFailed: false,
        hasAnswered: false,
      });
      this.#nextTimerMs = Math.min(this.#nextTimerMs, timeMs + ANSWER_TIMEOUT_MS);
    }
  }

  #resolve(key: string, outcome: Pick<Pending, 'hasAnswered' | 'hasFailed'>, seen: Observation, report: Report): void {
    const pending = this.#pending.get(key);
    if (pending === undefined || !(outcome.hasAnswered || outcome.hasFailed)) {
      return;
    }
    pending.hasAnswered ||= outcome.hasAnswered;
    pending.hasFailed ||= outcome.hasFailed;
    pending.flow = pending.flow === undefined ? undefined : seen.flow;
    this.#judgeInTurn(seen.timeMs, report);
  }

  #noteSuccess({ key, connection, flow }: Pending, timeMs: number, report: Report): void {
    this.#walk = Math.max(0, this.#walk + STEP.success);
    if (this.#walk === 0) {
      this.#failures = 0;
    }
    if (connection === undefined) {
      return;
    }
    this.#answered.add(key, timeMs);
    const count = this.#answered.count(timeMs);
    if (count >= ANSWERED.count) {
      report(
        this.#evidence(
          connection,
          { flow, timeMs },
          {
            signal: 'new-places',
            class: 'Topology',
            value: `${atLeastText(count, ANSWERED.count)} places contacted for the first time within 1 h, all of which answered`,
            threshold: 'at least 20 new places in 1 h',
            points: 50,
            source: 'Bulkhead: own threshold, for scans that only touch what is allowed',
          },
        ),
      );
    }
  }

  /** Only a connection that must be answered says something by silence, and only while nothing is missing. */
  #isUnanswered({ connection, startedMs }: Pending): boolean {
    const podStartedMs = this.#facts.startedMs();
    const isStarting = podStartedMs !== undefined && startedMs < podStartedMs + START_GRACE_MS;
    return (
      connection?.protocol === 'TCP' && !isStarting && !this.#facts.isLossy(startedMs, startedMs + ANSWER_TIMEOUT_MS)
    );
  }

  #noteFailure({ key, text, connection, flow }: Pending, timeMs: number, report: Report): void {
    this.#walk = Math.min(this.#walk + STEP.failure, WALK_MAX);
    this.#failures += 1;
    if (connection?.isDenied === true) {
      this.#denied.add(key, timeMs);
    }
    if (this.#walk < FIRE_AT) {
      return;
    }
    const tell = (draft: Draft) => report(this.#evidence(connection, { flow, timeMs }, draft));
    tell({
      signal: 'failed-first-contacts',
      class: 'Outcome',
      value: `${this.#failures} first contacts failed, last ${text}`,
      threshold: 'threshold random walk, θ0 0.9, θ1 0.2, α 0.0001, β 0.99: 5 failures in a row',
      points: 60,
      source: 'Jung et al. 2004 (TRW); scan-NG trw-impl.zeek',
    });
    const deniedCount = this.#denied.count(timeMs);
    const step = DENIED.find(({ count }) => deniedCount >= count);
    if (step !== undefined) {
      tell({
        // The same fact as ForbiddenDestination reports under this name; the pod's score counts it once.
        signal: 'denied-places',
        class: 'Denial',
        value: `${atLeastText(deniedCount, DENIED[0].count)} first contacts denied by policy within 10 min`,
        threshold: `${step.count} different places in 10 min`,
        points: step.points,
        source: 'Bulkhead: weights 40 and 65; Sigma firewall: more than 10 denied targets',
      });
    }
  }

  #judgeShape(connection: Connection, seen: Observation, report: Report): void {
    const places = recentOf(this.#placesByPort, connection.port, SHAPE.places);
    places.add(connection.group, seen.timeMs);
    const ports = recentOf(this.#portsByPlace, connection.group, SHAPE.ports);
    ports.add(`${connection.protocol}/${connection.port}`, seen.timeMs);
    const placeCount = places.count(seen.timeMs);
    const portCount = ports.count(seen.timeMs);
    if (portCount >= SHAPE.ports) {
      report(
        this.#evidence(connection, seen, {
          signal: 'many-ports',
          class: 'Topology',
          value: `${atLeastText(portCount, SHAPE.ports)} ports of ${connection.names[0] ?? connection.ip} within 5 min`,
          threshold: 'at least 15 ports of one place in 5 min',
          points: 50,
          source: 'Zeek scan.zeek: 15 ports in 5 min',
        }),
      );
    }
    if (placeCount >= SHAPE.places) {
      report(
        this.#evidence(connection, seen, {
          signal: 'many-places',
          class: 'Topology',
          value: `port ${connection.port} of ${atLeastText(placeCount, SHAPE.places)} places within 5 min`,
          threshold: 'one port of at least 25 places in 5 min',
          points: 50,
          source: 'bro-simple-scan: 25 places',
        }),
      );
    }
  }

  #evidence(
    connection: Connection | undefined,
    at: { flow: Flow | undefined; timeMs: number },
    draft: Draft,
  ): ReportedEvidence {
    if (connection !== undefined) {
      this.#facts.connections.pin(connection);
    }
    const text = connection === undefined ? 'the network' : networkOf(connection.ip);
    const decay = draft.class === 'Denial' ? 'Denial' : 'Probing';
    return { ...draft, target: { key: 'scan', text }, decay, timeMs: at.timeMs, flow: at.flow };
  }
}

/** Places a pod can feel for. DNS is asked, not probed; link-local addresses are the metadata detector's. */
function isJudged({ scope, port, names, naming }: Connection): boolean {
  if (DNS_PORTS.has(port)) {
    return false;
  }
  if (isInternal(scope)) {
    return true;
  }
  // Web connections to addresses that may have had names are somebody reading the web.
  return scope === 'World' && names.length === 0 && (naming === 'Direct' || !isWebPort(port));
}

/** Whether other addresses may answer for the same place. */
function isGrouped({ connection }: Pending): boolean {
  return connection === undefined || connection.group !== connection.ip;
}

function nameKey(service: string): string {
  return `name ${service}`;
}

function contactKey({ group, port, protocol }: Connection): string {
  return `${group}:${port}/${protocol}`;
}

function recentOf<Key>(map: BoundedMap<Key, RecentKeys>, key: Key, capacity: number): RecentKeys {
  const recent = map.get(key) ?? new RecentKeys(SHAPE.windowMs, capacity);
  map.set(key, recent);
  return recent;
}

/** What is counted stops at the threshold; more is not remembered. */
function atLeastText(count: number, max: number): string {
  return count >= max ? `${max} or more` : String(count);
}

const THETA = { benign: 0.9, probing: 0.2 } as const;
/** ln((1−θ1)/(1−θ0)) = 2.079 and ln(θ1/θ0) = −1.504. */
const STEP = {
  failure: Math.log((1 - THETA.probing) / (1 - THETA.benign)),
  success: Math.log(THETA.probing / THETA.benign),
} as const;
/** ln(β/α) with β 0.99 and α 0.0001: 9.2, which is 4.4 failures. */
const FIRE_AT = Math.log(0.99 / 0.0001);
/** A long scan must not outweigh a day of ordinary work after it. */
const WALK_MAX = 2 * FIRE_AT;
const SHAPE = { windowMs: 5 * 60_000, ports: 15, places: 25 } as const;
/** The strongest first. */
const DENIED = [
  { count: 10, points: 65 },
  { count: 5, points: 40 },
] as const;
const DENIED_WINDOW_MS = 10 * 60_000;
const ANSWERED = { windowMs: 3_600_000, count: 20 } as const;
/** A first contact stays one for a day: shorter memories let slow scans through. */
const CONTACT_MEMORY_MS = 24 * 3_600_000;
const RCODE_NO_NAME = 3;
const MAX_CONTACTS = 1024;
const MAX_PENDING = 256;
const FLOWS_KEPT = 16;
const MAX_SHAPES = 16;
