/**
 * ForbiddenDestination: a pod that keeps trying what its policy denies, or tries many denied places.
 *
 * One attempt is one connection, and attempts within ten seconds are one intent, because that is how libraries retry. What
 * programs ask for by themselves (registries, telemetry, time) weighs a quarter, what is on the lists of tunnels, pools and
 * metadata twice. A denied attempt is the earliest sign there is: the policy has done its work, this says what was meant.
 */
import { BoundedMap } from '../bounded-map.ts';
import type { Connection } from '../connections.ts';
import type { Detector, Observation, PodDetector, PodFacts, Report } from '../detector.ts';
import { worstEntry } from '../indicators/name-list.ts';
import { RecentKeys } from '../recent.ts';
import { networkOf } from '../scope.ts';
import { isSearchPath } from '../search-path.ts';
import { placeText } from '../target.ts';

export const forbiddenDestination: Detector = {
  name: 'ForbiddenDestination',
  title: 'Denied again and again',
  attack: ['T1071', 'T1041', 'T1008'],
  atlas: ['AML.T0086'],
  create: (facts) => new DenialWatch(facts),
};

/** What was denied. */
interface Denied {
  /** Counts as one target. */
  key: string;
  text: string;
  weight: number;
  /** Whether the other side said so in words the pod can read, rather than by silence. */
  isTold: boolean;
}

interface Attempts extends Denied {
  /** Event times of attempts at least ten seconds apart, oldest first. */
  timesMs: number[];
  /** When the pod was first told; NaN before. */
  toldMs: number;
}

class DenialWatch implements PodDetector {
  readonly #facts: PodFacts;
  readonly #targets = new BoundedMap<string, Attempts>(MAX_TARGETS, ({ timesMs }) => timesMs.length >= 3);
  readonly #distinct = new RecentKeys(DISTINCT_WINDOW_MS, MAX_DISTINCT);
  readonly #weights = new BoundedMap<string, number>(MAX_DISTINCT);
  #lastWalk = { timeMs: Number.NEGATIVE_INFINITY, key: '' };

  constructor(facts: PodFacts) {
    this.#facts = facts;
  }

  onFlow(seen: Observation, report: Report): void {
    if (!seen.denied) {
      return;
    }
    const denied = this.#describe(seen);
    if (denied !== undefined) {
      this.#count(denied, seen, report);
    }
  }

  #describe({ connection, flow, timeMs }: Observation): Denied | undefined {
    if (flow.dns !== undefined) {
      return isSearchPath(flow.dns.query) === 'No' ? this.#named(flow.dns.query, '', false) : undefined;
    }
    if (connection === undefined) {
      const host = hostOf(flow.http?.url ?? '') ?? flow.destinationNames[0];
      return this.#named(host ?? flow.destinationIp, '', true);
    }
    const name = connection.names[0];
    return name === undefined ? this.#unnamed(connection, timeMs) : this.#named(name, `:${connection.port}`, false);
  }

  #unnamed(connection: Connection, timeMs: number): Denied {
    const key = this.#walkKey(connection, timeMs) ?? `${networkOf(connection.ip)}:${connection.port}`;
    const weight = METADATA.has(connection.ip) ? SUSPICIOUS : 1;
    return { key, text: placeText(connection), weight, isTold: false };
  }

  #named(name: string, suffix: string, isTold: boolean): Denied {
    return { key: name, text: `${name}${suffix}`, weight: this.#weightOf(name), isTold };
  }

  /**
   * A program that walks the addresses of one name opens them one after another. Where the name cannot be seen, web
   * connections in quick succession are taken for that, or one blocked web site would be eight targets.
   */
  #walkKey(connection: Connection, timeMs: number): string | undefined {
    if (connection.naming !== 'Unknown' || !WEB_PORTS.has(connection.port)) {
      return undefined;
    }
    const isSameWalk = timeMs - this.#lastWalk.timeMs < MERGE_MS;
    const key = isSameWalk ? this.#lastWalk.key : `${networkOf(connection.ip)}:${connection.port}`;
    this.#lastWalk = { timeMs, key };
    return key;
  }

  #weightOf(name: string): number {
    const { tunnels, pools, background } = this.#facts.indicators;
    const isSuspicious = [tunnels, pools].some(
      (list) => (worstEntry(list, [name], undefined)?.role ?? 'brand') !== 'brand',
    );
    if (isSuspicious || METADATA.has(name)) {
      return SUSPICIOUS;
    }
    return background.lookup(name, undefined) === undefined ? 1 : BACKGROUND;
  }

  #count(denied: Denied, seen: Observation, report: Report): void {
    const { timeMs } = seen;
    const attempts = this.#targets.get(denied.key) ?? { ...denied, timesMs: [], toldMs: Number.NaN };
    const last = attempts.timesMs.at(-1);
    if (last !== undefined && timeMs - last < MERGE_MS) {
      return;
    }
    attempts.timesMs.push(timeMs);
    if (attempts.timesMs.length > MAX_TIMES) {
      attempts.timesMs.shift();
    }
    const isAfterWarning = timeMs - attempts.toldMs > WARNING_MS;
    attempts.toldMs = denied.isTold && Number.isNaN(attempts.toldMs) ? timeMs : attempts.toldMs;
    this.#targets.set(denied.key, attempts);
    this.#reportRepeats(attempts, isAfterWarning, { seen, report });
    this.#reportDistinct(denied, { seen, report });
  }

  #reportRepeats(attempts: Attempts, isAfterWarning: boolean, { seen, report }: Telling): void {
    const step = REPEATS.find(({ count, withinMs }) => countSince(attempts.timesMs, seen.timeMs - withinMs) >= count);
    if (step === undefined) {
      return;
    }
    const count = countSince(attempts.timesMs, seen.timeMs - step.withinMs);
    const told = isAfterWarning ? ', the last after it had been told so' : '';
    report({
      signal: 'repeated-denial',
      class: 'Denial',
      target: { key: attempts.key, text: attempts.text },
      value: `tried ${count} times in ${step.window} though denied${told}`,
      threshold: `${step.count} attempts in ${step.window}, at least 10 s apart${weightText(attempts.weight)}`,
      points: Math.min(100, step.points * attempts.weight * (isAfterWarning ? AFTER_WARNING : 1)),
      source: 'Bulkhead: weights 30, 55, 70; background × 0.25, listed × 2, after a warning × 1.5',
      decay: 'Denial',
      timeMs: seen.timeMs,
      flow: seen.flow,
    });
  }

  #reportDistinct(denied: Denied, { seen, report }: Telling): void {
    this.#distinct.add(denied.key, seen.timeMs);
    this.#weights.set(denied.key, Math.min(1, denied.weight));
    const keys = [...this.#distinct.keys(seen.timeMs)];
    const weighed = keys.reduce((total, key) => total + (this.#weights.get(key) ?? 1), 0);
    const step = DISTINCT.find(({ count }) => weighed >= count);
    if (step !== undefined) {
      report({
        signal: 'denied-places',
        class: 'Denial',
        target: { key: 'distinct', text: 'denied places' },
        value: `${keys.length} different places tried in 10 min though denied, last ${denied.text}`,
        threshold: `${step.count} different places in 10 min; background places count a quarter`,
        points: step.points,
        source: 'Bulkhead: weights 40 and 65; Sigma firewall: more than 10 denied targets',
        decay: 'Denial',
        timeMs: seen.timeMs,
        flow: seen.flow,
      });
    }
  }
}

interface Telling {
  seen: Observation;
  report: Report;
}

function hostOf(url: string): string | undefined {
  return /^[a-z]+:\/\/([^/:?#]+)/i.exec(url)?.[1]?.toLowerCase();
}

function countSince(timesMs: readonly number[], fromMs: number): number {
  return timesMs.filter((timeMs) => timeMs >= fromMs).length;
}

function weightText(weight: number): string {
  return weight === 1 ? '' : `; weight × ${weight}`;
}

/** The strongest first. */
const REPEATS = [
  { count: 30, withinMs: 3_600_000, window: '1 h', points: 70 },
  { count: 10, withinMs: 5 * 60_000, window: '5 min', points: 55 },
  { count: 3, withinMs: 5 * 60_000, window: '5 min', points: 30 },
] as const;
const DISTINCT = [
  { count: 10, points: 65 },
  { count: 5, points: 40 },
] as const;
const DISTINCT_WINDOW_MS = 10 * 60_000;
const MERGE_MS = 10_000;
/** A new attempt this long after having been told counts more. */
const WARNING_MS = 60_000;
const AFTER_WARNING = 1.5;
const SUSPICIOUS = 2;
const BACKGROUND = 0.25;
const MAX_TARGETS = 64;
const MAX_DISTINCT = 64;
const MAX_TIMES = 32;
const WEB_PORTS: ReadonlySet<number> = new Set([80, 443]);
/** Cloud metadata addresses and names: AWS, GCP, Azure, OCI, DigitalOcean; ECS, EKS Pod Identity; Alibaba; Azure; OCI. */
const METADATA: ReadonlySet<string> = new Set([
  '169.254.169.254',
  'fd00:ec2::254',
  '169.254.170.2',
  '169.254.170.23',
  'fd00:ec2::23',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'metadata.google.internal',
  'metadata.tencentyun.com',
  'instance-data.ec2.internal',
]);
