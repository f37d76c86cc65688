/**
 * What a detector is: something that sees one pod's network events in order and reports evidence.
 *
 * Detectors do not know one another and hold no clock. Everything about scoring, deciding, deduplicating and explaining is
 * the ledger's; everything about what an event is, `normalize.ts`. State per pod is bounded by the detector itself.
 */
import type { DetectorName } from '../api/v1alpha1/detector-names.ts';
import type { Flow } from '../flows/flow.ts';
import type { Connection, ConnectionTable } from './connections.ts';
import type { Evidence } from './finding.ts';
import type { Indicators } from './indicators/indicators.ts';
import type { NameCache } from './names.ts';
import type { Decay } from './score.ts';

/** How long an answer may take, milliseconds of event time; no time-out of a detector is longer. Two retransmissions of a SYN (1 s and 3 s) fit in. */
export const ANSWER_TIMEOUT_MS = 6000;

/** One event of one pod, made of one flow. The same object is filled again for the next: keep nothing of it but the flow. */
export interface Observation {
  flow: Flow;
  timeMs: number;
  kind: 'Outgoing' | 'Reply' | 'Dns' | 'Http';
  /** Undefined for DNS and HTTP messages. */
  connection: Connection | undefined;
  /** First packet of a connection that this pod opened: one attempt. */
  started: boolean;
  /** First answer that was no refusal. */
  established: boolean;
  /** First refusal by the other side before any answer. */
  refused: boolean;
  /** A policy said no, or in audit mode would have said no, for the first time in this attempt; or to this DNS or HTTP message. */
  denied: boolean;
}

/** What a finding is about: evidence with the same key belongs to the same finding. */
export interface Target {
  /** Stable over time and restarts. */
  key: string;
  /** For people. */
  text: string;
}

/** A reason to believe, as a detector gives it. Reporting it again refreshes it. */
export interface ReportedEvidence
  extends Pick<Evidence, 'signal' | 'class' | 'value' | 'threshold' | 'points' | 'source'> {
  target: Target;
  decay: Decay;
  timeMs: number;
  hard?: boolean;
  /** What shows it; undefined when it is the absence of something. */
  flow?: Flow | undefined;
  /** Evidence about a connection keeps its weight as long as that lives. */
  connection?: Connection | undefined;
}

export type Report = (evidence: ReportedEvidence) => void;

/** What all detectors share of a pod. */
export interface PodFacts {
  /** Seed for hashes of what a pod can choose. */
  readonly hashKey: number;
  readonly indicators: Indicators;
  readonly connections: ConnectionTable;
  readonly names: NameCache;
  /** Event time the pod started, or undefined. */
  startedMs(): number | undefined;
  /** Whether the sandbox declares this destination as a purpose: named and allowed in its egress rules. */
  isDeclared(destination: Destination): boolean;
  /** Whether flows may be missing in this time, so that absence proves nothing. */
  isLossy(fromMs: number, toMs: number): boolean;
}

/** The far end of a connection, as allow lists and exemptions see it. */
export interface Destination {
  ip: string;
  names: readonly string[];
  port: number;
  protocol: string;
}

/** A detector's memory of one pod. */
export interface PodDetector {
  /** Every event of the pod, in order of event time. */
  onFlow(seen: Observation, report: Report): void;
  /** Event time of the next call of `onTimer`; Infinity when none is needed. */
  nextTimerMs?(): number;
  /** Called when that time has come. */
  onTimer?(nowMs: number, report: Report): void;
}

export interface Detector {
  readonly name: DetectorName;
  readonly title: string;
  /** MITRE ATT&CK technique ids. */
  readonly attack: readonly string[];
  /** MITRE ATLAS technique ids. */
  readonly atlas: readonly string[];
  /** @param slot - this detector's place in `Connection.notes`. */
  create(facts: PodFacts, slot: number): PodDetector;
  /**
   * A look at what has just arrived, before it is put in order: a hit that is hard by itself, whatever came before and
   * after it. Its evidence comes again through `onFlow`.
   *
   * @param destination - with the names that are known at this moment.
   */
  onArrival?(flow: Flow, destination: Destination, facts: PodFacts): ReportedEvidence | undefined;
}
