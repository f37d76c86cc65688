/**
 * A finding while it is open: its evidence by signal, the flows that show it, and where it stands on the ladder.
 *
 * The same signal again refreshes what is there; it never adds. Repeats within ten seconds count once, so that duplicates
 * and bursts change nothing.
 */
import { printable } from '../api/v1alpha1/display.ts';
import type { Flow } from '../flows/flow.ts';
import type { Detector, ReportedEvidence } from './detector.ts';
import { byWeight } from './explain.ts';
import { atLeast, type Evidence } from './finding.ts';
import { type Holds, type LadderState, newHolds, newLadder, type Standing } from './ladder.ts';
import { scoreAt, type Weighing, weightAt } from './score.ts';

/** Evidence with what is needed to weigh it later. */
type KeptEvidence = Evidence & Weighing & { flowUuids: string[]; toldMs: number };

export interface OpenFinding {
  readonly key: string;
  readonly detector: Detector;
  readonly target: string;
  readonly evidence: Map<string, KeptEvidence>;
  readonly flows: SampledFlow[];
  readonly holds: Holds;
  readonly ladder: LadderState;
  firstSeenMs: number;
  lastSeenMs: number;
  count: number;
  countedMs: number;
  degraded: boolean;
  /** Whether something changed since it was last told. */
  isChanged: boolean;
  /** Whether a rung was reached since then. */
  isNews: boolean;
  toldMs: number;
}

interface SampledFlow {
  flow: Flow;
  points: number;
}

export function openFinding(key: string, detector: Detector, evidence: ReportedEvidence): OpenFinding {
  return {
    key,
    detector,
    target: printable(evidence.target.text, TEXT_MAX),
    evidence: new Map(),
    flows: [],
    holds: newHolds(),
    ladder: newLadder(),
    firstSeenMs: evidence.timeMs,
    lastSeenMs: evidence.timeMs,
    count: 0,
    countedMs: Number.NEGATIVE_INFINITY,
    degraded: false,
    isChanged: false,
    isNews: false,
    toldMs: Number.NEGATIVE_INFINITY,
  };
}

/** A copy that can be changed without the original noticing. */
export function copyFinding(finding: OpenFinding): OpenFinding {
  return {
    ...finding,
    evidence: new Map(
      [...finding.evidence].map(([signal, kept]) => [signal, { ...kept, flowUuids: [...kept.flowUuids] }]),
    ),
    flows: [...finding.flows],
    holds: [...finding.holds],
    ladder: { ...finding.ladder },
  };
}

/**
 * Takes in a repeat within a second of what is known, which changes no score: a scan repeats itself a thousand times a second.
 *
 * @returns false when it is more than that.
 */
export function refreshEvidence(finding: OpenFinding, reported: ReportedEvidence): boolean {
  const known = finding.evidence.get(reported.signal);
  if (
    known === undefined ||
    known.points !== reported.points ||
    known.connection !== reported.connection ||
    Math.abs(reported.timeMs - known.toldMs) >= REFRESH_WITHIN_MS
  ) {
    return false;
  }
  finding.isChanged ||= known.value !== reported.value || reported.timeMs > finding.lastSeenMs;
  known.value = reported.value;
  known.timeMs = Math.max(known.timeMs, reported.timeMs);
  finding.lastSeenMs = Math.max(finding.lastSeenMs, reported.timeMs);
  return true;
}

/** Takes in evidence. The stronger of old and new counts; the newer of equals is shown. */
export function addEvidence(finding: OpenFinding, reported: ReportedEvidence, nowMs: number): void {
  const known = finding.evidence.get(reported.signal);
  if (known === undefined && finding.evidence.size >= MAX_SIGNALS) {
    return;
  }
  const isStronger = known === undefined || reported.points / 100 >= weightAt(known, nowMs);
  const kept = known !== undefined && !isStronger ? known : keep(reported, known?.flowUuids ?? []);
  finding.evidence.set(reported.signal, kept);
  finding.firstSeenMs = Math.min(finding.firstSeenMs, reported.timeMs);
  finding.lastSeenMs = Math.max(finding.lastSeenMs, reported.timeMs);
  if (reported.timeMs - finding.countedMs >= COUNT_EVERY_MS) {
    finding.count += 1;
    finding.countedMs = reported.timeMs;
  }
  finding.isChanged = true;
  if (reported.flow !== undefined) {
    addUuid(kept.flowUuids, reported.flow.uuid);
    sample(finding, { flow: slim(reported.flow), points: reported.points });
  }
}

export function standingOf(finding: OpenFinding, nowMs: number): Standing {
  const evidence = [...finding.evidence.values()];
  const { score, classes } = scoreAt(evidence, nowMs);
  return { score, classes: classes.size, hard: evidence.some((one) => one.hard) };
}

/** The evidence as a finding shows it, strongest first. */
export function shownEvidence(finding: OpenFinding): Evidence[] {
  return [...finding.evidence.values()]
    .map((kept) => ({
      signal: kept.signal,
      class: kept.class,
      value: printable(kept.value, TEXT_MAX),
      threshold: kept.threshold,
      points: Math.round(kept.points * 10) / 10,
      source: kept.source,
      hard: kept.hard,
      timeMs: kept.timeMs,
      flowUuids: [...kept.flowUuids],
    }))
    .sort(byWeight);
}

/** At most ten flows in the order in which they happened. */
export function shownFlows(finding: OpenFinding): Flow[] {
  return finding.flows.map(({ flow }) => flow);
}

function keep(reported: ReportedEvidence, flowUuids: string[]): KeptEvidence {
  return {
    signal: reported.signal,
    class: reported.class,
    value: reported.value,
    threshold: reported.threshold,
    points: reported.points,
    source: reported.source,
    hard: reported.hard ?? false,
    timeMs: reported.timeMs,
    toldMs: reported.timeMs,
    decay: reported.decay,
    connection: reported.connection,
    flowUuids,
  };
}

/** Keeps the oldest and the newest. */
function addUuid(uuids: string[], uuid: string): void {
  if (uuid === '' || uuids.includes(uuid)) {
    return;
  }
  if (uuids.length >= MAX_UUIDS) {
    uuids.splice(MAX_UUIDS / 2, 1);
  }
  uuids.push(uuid);
}

/** Without the labels of its ends, which are most of a flow and say nothing about it that its names do not. */
function slim(flow: Flow): Flow {
  return {
    ...flow,
    source: { ...flow.source, labels: NO_LABELS },
    destination: { ...flow.destination, labels: NO_LABELS },
  };
}

/** Keeps the first and the last ones, and of the rest those with the most points; more of them once it is an alert. */
function sample({ flows, ladder }: OpenFinding, added: SampledFlow): void {
  const { uuid, timeMs } = added.flow;
  const isKnown = flows.some(({ flow }) => flow.uuid === uuid && (uuid !== '' || flow.timeMs === timeMs));
  if (isKnown) {
    return;
  }
  let place = flows.length;
  while (place > 0 && (flows[place - 1]?.flow.timeMs ?? 0) > timeMs) {
    place -= 1;
  }
  flows.splice(place, 0, added);
  const { most, ends } = atLeast(ladder.highest, 'alert') ? SHOWN_FLOWS : QUIET_FLOWS;
  if (flows.length > most) {
    const middle = flows.slice(ends, -ends);
    const weakest = middle.reduce((a, b) => (b.points < a.points ? b : a));
    flows.splice(flows.indexOf(weakest), 1);
  }
}

const REFRESH_WITHIN_MS = 1000;
/** Repeats count at most this often, in event time. */
export const COUNT_EVERY_MS = 10_000;
const MAX_SIGNALS = 16;
const MAX_UUIDS = 8;
const NO_LABELS: readonly string[] = [];
/** The first three, the last three, four between. */
const SHOWN_FLOWS = { most: 10, ends: 3 } as const;
/** Of what is below an alert, and may be one of many. */
const QUIET_FLOWS = { most: 4, ends: 1 } as const;
/** Characters; the record cuts at 512. */
const TEXT_MAX = 300;
