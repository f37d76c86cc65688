/**
 * The findings of one pod: takes evidence, decides by score and ladder, and tells what changed.
 *
 * The pod as a whole is judged too: its findings together, of each detector only the strongest, so that many targets of
 * one kind do not pass for independent reasons. What the pod as a whole has reached is said of its leading finding, the
 * one with the highest score of its own, and of ties the earliest.
 */
import type { Detector, ReportedEvidence } from './detector.ts';
import { type Companion, explain } from './explain.ts';
import { ACTIONS, type Action, atLeast, type Finding, lowerOf } from './finding.ts';
import { climb, newHolds, nextDueMs, type Standing, updateHolds } from './ladder.ts';
import {
  addEvidence,
  COUNT_EVERY_MS,
  copyFinding,
  type OpenFinding,
  openFinding,
  refreshEvidence,
  shownEvidence,
  shownFlows,
  standingOf,
} from './open-finding.ts';
import { noisyOr, roundScore, scoreAt, severityOf } from './score.ts';
import type { WatchedPod } from './watch.ts';

export interface LedgerOptions {
  pod(): WatchedPod;
  /** Most findings open at a time. */
  maxFindings: number;
  isLossy(fromMs: number, toMs: number): boolean;
  /** Called when a rung was reached, and at most every ten seconds when something else changed. */
  emit(finding: Finding): void;
}

interface Judged extends Standing {
  finding: OpenFinding;
  cap: Action;
}

export class Ledger {
  readonly #options: LedgerOptions;
  readonly #findings = new Map<string, OpenFinding>();
  readonly #podHolds = newHolds();
  readonly #previewed = new Map<string, number>();
  #isDirty = false;
  #nextCheckMs = Number.POSITIVE_INFINITY;
  #nextClimbMs = Number.POSITIVE_INFINITY;
  #evicted = 0;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** Takes in evidence. What it changes is decided by `settle`. */
  report(detector: Detector, evidence: ReportedEvidence, nowMs: number): void {
    const key = this.#keyOf(detector, evidence);
    const known = this.#findings.get(key);
    if (evidence.points <= 0 || (known !== undefined && refreshEvidence(known, evidence))) {
      return;
    }
    if (!this.#isDirty) {
      // What has faded below a line by now has not held it, even if this evidence lifts it up again.
      this.#climbAll(this.#view(nowMs), nowMs);
      this.#isDirty = true;
    }
    const finding = known ?? this.#open(key, detector, evidence, nowMs);
    addEvidence(finding, evidence, nowMs);
    finding.degraded ||= this.#options.isLossy(evidence.timeMs - LOSS_WINDOW_MS, evidence.timeMs);
  }

  /** Decides what has been reached by now, and tells it. */
  settle(nowMs: number): void {
    if (!this.#isDirty && nowMs < this.#nextCheckMs) {
      return;
    }
    const view = this.#view(nowMs);
    // Only evidence and the end of a hold move anything: when something is told must not decide what is told.
    if (this.#isDirty || nowMs >= this.#nextClimbMs) {
      this.#isDirty = false;
      this.#climbAll(view, nowMs);
      this.#forgetFaded(view.all);
      this.#nextClimbMs = this.#nextClimb(nowMs);
    }
    for (const one of view.all) {
      this.#tellWhenDue(one, view, nowMs);
    }
    this.#nextCheckMs = Math.min(this.#nextClimbMs, this.#nextTelling());
  }

  /** Tells every change that has not been told yet. */
  flush(nowMs: number): void {
    const view = this.#view(nowMs);
    for (const one of view.all) {
      if (one.finding.isChanged && one.finding.ladder.highest !== 'none') {
        this.#tell(one, view, nowMs);
      }
    }
  }

  /** Every open finding as it stands, leading one first. */
  show(nowMs: number): readonly Finding[] {
    const view = this.#view(nowMs);
    return view.all.map((one) => this.#show(one, view));
  }

  /** Event time at which `settle` may have something to say without new evidence. */
  nextCheckMs(): number {
    return this.#nextCheckMs;
  }

  /**
   * What a hard hit means by itself, before it is put in order. Changes nothing; the evidence comes again in its turn.
   */
  preview(detector: Detector, evidence: ReportedEvidence): Finding | undefined {
    const key = this.#keyOf(detector, evidence);
    const known = this.#findings.get(key);
    const isTold = evidence.timeMs - (this.#previewed.get(key) ?? Number.NEGATIVE_INFINITY) < PREVIEW_EVERY_MS;
    if (evidence.hard !== true || known?.ladder.highest === 'quarantine' || isTold) {
      return undefined;
    }
    this.#previewed.clear();
    this.#previewed.set(key, evidence.timeMs);
    const finding = known === undefined ? openFinding(key, detector, evidence) : copyFinding(known);
    addEvidence(finding, evidence, evidence.timeMs);
    const one = this.#judge(finding, evidence.timeMs);
    const reached = this.#ownReach(one, evidence.timeMs);
    climb(finding.ladder, evidence.timeMs, { reached, score: one.score });
    return finding.ladder.highest === 'none'
      ? undefined
      : this.#show(one, { all: [one], leader: one, podScore: one.score });
  }

  get size(): number {
    return this.#findings.size;
  }

  get evicted(): number {
    return this.#evicted;
  }

  /** How everything stands, without changing anything. */
  #view(nowMs: number): JudgedPod {
    const all = [...this.#findings.values()].map((finding) => this.#judge(finding, nowMs)).sort(byLead);
    return { all, leader: all[0], podScore: podStanding(all, 'watch', nowMs).score };
  }

  #climbAll({ all, leader, podScore }: JudgedPod, nowMs: number): void {
    const podReach = updateHolds(this.#podHolds, nowMs, this.#sensitivity(), (rung) => podStanding(all, rung, nowMs));
    // The pod's rung belongs to the leader; when the user has limited that one, to the next that may have it.
    const heir = all.find((one) => atLeast(one.cap, podReach));
    for (const one of all) {
      const own = this.#ownReach(one, nowMs);
      const shared = one === leader || one === heir ? lowerOf(podReach, one.cap) : 'none';
      const reached = atLeast(own, shared) ? own : shared;
      const score = one === leader ? Math.max(one.score, podScore) : one.score;
      one.finding.isNews = climb(one.finding.ladder, nowMs, { reached, score }) || one.finding.isNews;
    }
  }

  #judge(finding: OpenFinding, nowMs: number): Judged {
    return { finding, cap: this.#capOf(finding.detector), ...standingOf(finding, nowMs) };
  }

  #ownReach(one: Judged, nowMs: number): Action {
    return lowerOf(
      updateHolds(one.finding.holds, nowMs, this.#sensitivity(), () => one),
      one.cap,
    );
  }

  #tellWhenDue(one: Judged, judged: JudgedPod, nowMs: number): void {
    const { finding } = one;
    const isDue = finding.isChanged && nowMs - finding.toldMs >= COUNT_EVERY_MS;
    // After an early word, less is not told until its turn has come.
    const isOvertaken = (this.#previewed.get(finding.key) ?? Number.NEGATIVE_INFINITY) >= nowMs;
    if (finding.ladder.highest === 'none' || (isOvertaken && !atLeast(finding.ladder.highest, 'quarantine'))) {
      return;
    }
    if (finding.isNews || isDue) {
      this.#tell(one, judged, nowMs);
    }
  }

  #tell(one: Judged, judged: JudgedPod, nowMs: number): void {
    one.finding.isChanged = false;
    one.finding.isNews = false;
    one.finding.toldMs = nowMs;
    this.#options.emit(this.#show(one, judged));
  }

  #show(one: Judged, { all, leader, podScore }: JudgedPod): Finding {
    const { finding } = one;
    const pod = this.#options.pod();
    const evidence = shownEvidence(finding);
    const companions = one === leader ? companionsOf(all, one) : [];
    const shownPodScore = roundScore(podScore);
    return {
      key: finding.key,
      detector: finding.detector.name,
      pod: { namespace: pod.namespace, name: pod.name, uid: pod.uid, sandbox: pod.sandbox.name },
      target: finding.target,
      title: finding.detector.title,
      explanation: explain(finding.target, evidence, companions, shownPodScore),
      score: roundScore(one.score),
      podScore: shownPodScore,
      severity: severityOf(roundScore(one === leader ? Math.max(one.score, podScore) : one.score)),
      classes: one.classes,
      action: finding.ladder.highest,
      raisedAtMs: finding.ladder.raisedAtMs,
      firstSeenMs: finding.firstSeenMs,
      lastSeenMs: finding.lastSeenMs,
      count: finding.count,
      evidence,
      flows: shownFlows(finding),
      attack: finding.detector.attack,
      atlas: finding.detector.atlas,
      degraded: finding.degraded,
    };
  }

  #open(key: string, detector: Detector, evidence: ReportedEvidence, nowMs: number): OpenFinding {
    if (this.#findings.size >= this.#options.maxFindings) {
      this.#evictWeakest(nowMs);
    }
    const finding = openFinding(key, detector, evidence);
    this.#findings.set(key, finding);
    return finding;
  }

  /** The weakest goes first, of equals the oldest; a flood of weak ones cannot push out a strong one. */
  #evictWeakest(nowMs: number): void {
    const weakest = [...this.#findings.values()]
      .map((finding) => this.#judge(finding, nowMs))
      .reduce((a, b) => (b.score < a.score ? b : a));
    this.#findings.delete(weakest.finding.key);
    this.#evicted += 1;
  }

  #forgetFaded(all: readonly Judged[]): void {
    for (const { finding, score } of all) {
      if (score < FADED_BELOW && !finding.isChanged) {
        this.#findings.delete(finding.key);
      }
    }
  }

  /** When a hold is over, and at fixed times besides, so that what has faded is seen to have. */
  #nextClimb(nowMs: number): number {
    if (this.#findings.size === 0) {
      return Number.POSITIVE_INFINITY;
    }
    let next = (Math.floor(nowMs / REVIEW_EVERY_MS) + 1) * REVIEW_EVERY_MS;
    next = Math.min(next, nextDueMs(this.#podHolds, nowMs));
    for (const { holds } of this.#findings.values()) {
      next = Math.min(next, nextDueMs(holds, nowMs));
    }
    return next;
  }

  #nextTelling(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { key, isChanged, ladder, toldMs } of this.#findings.values()) {
      if (isChanged && ladder.highest !== 'none') {
        const afterEarlyWordMs = (this.#previewed.get(key) ?? Number.NEGATIVE_INFINITY) + 1;
        next = Math.min(next, Math.max(toldMs + COUNT_EVERY_MS, afterEarlyWordMs));
      }
    }
    return next;
  }

  #keyOf(detector: Detector, evidence: ReportedEvidence): string {
    return `${detector.name}/${this.#options.pod().key}/${evidence.target.key}`;
  }

  #sensitivity(): WatchedPod['sandbox']['detection']['sensitivity'] {
    return this.#options.pod().sandbox.detection.sensitivity;
  }

  #capOf(detector: Detector): Action {
    const setting = this.#options.pod().sandbox.detection.detectors.find(({ name }) => name === detector.name);
    return setting === undefined
      ? 'suspend'
      : (ACTIONS.find((action) => action === setting.action.toLowerCase()) ?? 'none');
  }
}

interface JudgedPod {
  /** Leading finding first. */
  all: readonly Judged[];
  leader: Judged | undefined;
  podScore: number;
}

function byLead(a: Judged, b: Judged): number {
  return b.score - a.score || a.finding.firstSeenMs - b.finding.firstSeenMs || (a.finding.key < b.finding.key ? -1 : 1);
}

/**
 * All findings together that may cause a rung. What two detectors report as the same signal is one fact and counts once.
 */
function podStanding(all: readonly Judged[], rung: Action, nowMs: number): Standing {
  const signals = new Set<string>();
  const classes = new Set<string>();
  const weights: number[] = [];
  let hard = false;
  for (const one of strongestPerDetector(all.filter(({ cap }) => atLeast(cap, rung)))) {
    const own = [...one.finding.evidence.values()].filter(({ signal }) => !signals.has(signal));
    const { score, classes: ownClasses } = scoreAt(own, nowMs);
    weights.push(score / 100);
    own.forEach(({ signal }) => signals.add(signal));
    ownClasses.forEach((name) => classes.add(name));
    hard ||= one.hard;
  }
  return { score: noisyOr(weights), classes: classes.size, hard };
}

/** @param all - leading finding first. */
function strongestPerDetector(all: readonly Judged[]): Judged[] {
  const seen = new Set<Detector>();
  return all.filter(({ finding: { detector } }) => !seen.has(detector) && seen.add(detector));
}

/** Findings that add something to what the leader shows. */
function companionsOf(all: readonly Judged[], leader: Judged): Companion[] {
  return strongestPerDetector(all)
    .filter((one) => one !== leader && roundScore(one.score) > 0)
    .filter((one) => [...one.finding.evidence.keys()].some((signal) => !leader.finding.evidence.has(signal)))
    .map((one) => ({ detector: one.finding.detector.name, score: roundScore(one.score) }));
}

/** How often findings are looked at for having faded. */
const REVIEW_EVERY_MS = 10 * 60_000;
/** Below this nothing is left that could matter together with anything else. */
const FADED_BELOW = 5;
/** Loss is told after the fact, so evidence looks back a little. */
const LOSS_WINDOW_MS = 10_000;
/** One early word per hit; what follows in order says the rest. */
const PREVIEW_EVERY_MS = 60_000;
