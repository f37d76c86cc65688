/**
 * The engine: flow events in, findings out.
 *
 * Attributes each flow to watched pods, puts the flows of each node in order, keeps one state per pod and drives its
 * time-outs by event time. The same flows give the same findings, in whatever order they arrive within the lateness and
 * however often. A hit that is hard by itself is told at once, before it is put in order; its finding comes again then.
 * Where flows come from is `flows/`, what is done about findings is `respond/`.
 */
import type { Flow, FlowEvent } from '../flows/flow.ts';
import { ANSWER_TIMEOUT_MS, type Detector, type Observation } from './detector.ts';
import type { Finding } from './finding.ts';
import { INDICATORS, type Indicators } from './indicators/indicators.ts';
import { LONGEST_HOLD_MS } from './ladder.ts';
import { NodeState } from './node-state.ts';
import { observe, type Role } from './normalize.ts';
import { type PodLimits, type PodOptions, PodState } from './pod-state.ts';
import type { StreamLimits, Timed } from './stream.ts';
import type { ResolvePod, WatchedPod } from './watch.ts';

export interface EngineLimits extends PodLimits, StreamLimits {
  /** Most pods with state; the one that was quiet the longest is forgotten. Default 10 000. */
  pods: number;
  /** Most nodes told apart; flows of further ones share one stream. Default 10 000. */
  nodes: number;
}

export interface EngineOptions {
  resolve: ResolvePod;
  detectors: readonly Detector[];
  /**
   * Called when a rung was reached, and at most every ten seconds of event time when something else changed. A later
   * finding with the same key replaces an earlier one.
   */
  onFinding: (finding: Finding) => void;
  indicators?: Indicators | undefined;
  /** Random per process where pods are hostile, so that no pod can make two places look like one. Default 0. */
  hashKey?: number | undefined;
  limits?: Partial<EngineLimits> | undefined;
}

export interface EngineStats {
  flows: number;
  /** Flows of watched pods. */
  matched: number;
  /** Came after later ones had been judged. */
  late: number;
  /** Lay too far ahead of all others to be believed. */
  future: number;
  /** Judged before their time because too many were waiting. */
  pushedOut: number;
  waiting: number;
  lostEvents: number;
  pods: number;
  /** Forgotten to make room, by structure. */
  evicted: { connections: number; names: number; findings: number; pods: number };
}

export interface Engine {
  ingest(event: FlowEvent): void;
  /** Says what the time is, so that time-outs run while nothing arrives. Milliseconds since the epoch. */
  advance(nowMs: number): void;
  /** Ends the input: judges what still waits, and what the last flows mean once nothing follows them. */
  flush(): void;
  /** Everything that is open about a pod at its present, also what has reached no rung; leading finding first. */
  findingsOf(podKey: string): readonly Finding[];
  /** Frees everything about a pod. */
  forget(podKey: string): void;
  stats(): EngineStats;
}

export const DEFAULT_LIMITS: EngineLimits = {
  latenessMs: 2000,
  futureMs: 5 * 60_000,
  maxWaiting: 100_000,
  connections: 128,
  names: 128,
  findings: 16,
  pods: 10_000,
  nodes: 10_000,
};

/**
 * @example
 * const engine = createEngine({ resolve, detectors: DETECTORS, onFinding: (finding) => record(finding) });
 * for await (const batch of source.batches(signal)) for (const event of batch) engine.ingest(event);
 * engine.flush();
 */
export function createEngine(options: EngineOptions): Engine {
  return new FlowEngine(options);
}

/** A flow of watched pods on its way through the buffer, or a gap in the flows when there is none. */
interface Item extends Timed {
  flow: Flow | undefined;
  source: WatchedPod | undefined;
  destination: WatchedPod | undefined;
}

class FlowEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #limits: EngineLimits;
  readonly #podOptions: PodOptions;
  readonly #nodes = new Map<string, NodeState<Item>>();
  readonly #pods = new Map<string, PodState>();
  readonly #seen = {} as Observation;
  readonly #counts = { flows: 0, matched: 0, lostEvents: 0 };
  readonly #evicted = { connections: 0, names: 0, findings: 0, pods: 0 };
  #nowMs = Number.NaN;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#podOptions = {
      detectors: options.detectors,
      indicators: options.indicators ?? INDICATORS,
      limits: this.#limits,
      hashKey: options.hashKey ?? 0,
      isLossy: (pod, fromMs, toMs) => this.#nodes.get(pod.nodeName)?.isLossy(fromMs, toMs) ?? false,
      emit: options.onFinding,
    };
  }

  ingest(event: FlowEvent): void {
    switch (event.kind) {
      case 'flow':
        this.#ingestFlow(event.flow);
        return;
      case 'lost':
        this.#counts.lostEvents += event.lost.count;
        this.#ingestGap(event.lost.timeMs, event.lost.nodeName === '' ? undefined : [event.lost.nodeName]);
        return;
      case 'node':
        // Going and coming back alike: in between nothing was seen.
        this.#ingestGap(event.node.timeMs, event.node.nodeNames);
        return;
    }
  }

  advance(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const node of this.#nodes.values()) {
      node.stream.advance(nowMs);
      node.sweep();
    }
  }

  flush(): void {
    for (const node of this.#nodes.values()) {
      node.stream.flush();
      const endMs = node.stream.watermarkMs + FLUSH_MS;
      for (const pod of node.pods) {
        pod.advance(endMs);
        pod.ledger.flush(endMs);
      }
    }
  }

  findingsOf(podKey: string): readonly Finding[] {
    const pod = this.#pods.get(podKey);
    return pod === undefined ? [] : pod.ledger.show(pod.nowMs);
  }

  forget(podKey: string): void {
    const pod = this.#pods.get(podKey);
    if (pod !== undefined) {
      this.#nodes.get(pod.nodeName)?.pods.delete(pod);
      this.#pods.delete(podKey);
      this.#countEvicted(pod);
    }
  }

  stats(): EngineStats {
    const streams = [...this.#nodes.values()].map(({ stream }) => stream);
    const evicted = { ...this.#evicted };
    for (const pod of this.#pods.values()) {
      addEvicted(evicted, pod);
    }
    return {
      ...this.#counts,
      late: sum(streams.map(({ counts }) => counts.late)),
      future: sum(streams.map(({ counts }) => counts.future)),
      pushedOut: sum(streams.map(({ counts }) => counts.pushedOut)),
      waiting: sum(streams.map(({ waiting }) => waiting)),
      pods: this.#pods.size,
      evicted,
    };
  }

  #ingestFlow(flow: Flow): void {
    this.#counts.flows += 1;
    const node = this.#nodeOf(flow.nodeName);
    const source = this.#options.resolve(flow.source);
    const destination = this.#options.resolve(flow.destination);
    if (source === undefined && destination === undefined) {
      node.stream.touch(flow.timeMs);
    } else {
      this.#counts.matched += 1;
      this.#lookEarly(flow, source, destination);
      node.stream.push({ timeMs: flow.timeMs, flow, source, destination });
    }
    node.sweep();
  }

  #lookEarly(flow: Flow, source: WatchedPod | undefined, destination: WatchedPod | undefined): void {
    const watched = flow.isReply === true ? destination : source;
    if (watched !== undefined) {
      const pod = this.#podOf(watched, flow.timeMs);
      const finding = pod.early.look(flow, pod);
      if (finding !== undefined) {
        this.#options.onFinding(finding);
      }
    }
  }

  #ingestGap(timeMs: number, nodeNames: readonly string[] | undefined): void {
    for (const name of nodeNames ?? this.#nodes.keys()) {
      const node = this.#nodes.get(name);
      if (node !== undefined) {
        node.stream.push({ timeMs, flow: undefined, source: undefined, destination: undefined });
        node.sweep();
      }
    }
  }

  #nodeOf(nodeName: string): NodeState<Item> {
    const name = this.#nodes.has(nodeName) || this.#nodes.size < this.#limits.nodes ? nodeName : '';
    let node = this.#nodes.get(name);
    if (node === undefined) {
      const created: NodeState<Item> = new NodeState(this.#limits, inTurn, (item) => this.#judge(item, name, created));
      if (!Number.isNaN(this.#nowMs)) {
        created.stream.advance(this.#nowMs);
      }
      this.#nodes.set(name, created);
      node = created;
    }
    return node;
  }

  #judge(item: Item, nodeName: string, node: NodeState<Item>): void {
    if (item.flow === undefined) {
      node.noteLoss(item.timeMs - GAP_BEFORE_MS, item.timeMs);
      return;
    }
    if (item.timeMs < node.stream.watermarkMs) {
      // Out of turn: what should have followed it may already have been missed.
      node.noteLoss(item.timeMs, node.stream.watermarkMs);
    }
    const flow = item.timeMs === item.flow.timeMs ? item.flow : { ...item.flow, timeMs: item.timeMs };
    if (item.source !== undefined) {
      this.#see(flow, 'Source', { pod: this.#podOf(item.source, flow.timeMs), node, nodeName });
    }
    if (item.destination !== undefined) {
      this.#see(flow, 'Destination', { pod: this.#podOf(item.destination, flow.timeMs), node, nodeName });
    }
  }

  #see(flow: Flow, role: Role, at: { pod: PodState; node: NodeState<Item>; nodeName: string }): void {
    const { pod, node, nodeName } = at;
    if (observe(flow, role, pod, this.#seen)) {
      if (pod.nodeName !== nodeName || !node.pods.has(pod)) {
        this.#nodes.get(pod.nodeName)?.pods.delete(pod);
        node.pods.add(pod);
        pod.nodeName = nodeName;
      }
      pod.process(this.#seen);
    }
  }

  #podOf(watched: WatchedPod, timeMs: number): PodState {
    const known = this.#pods.get(watched.key);
    if (known !== undefined) {
      known.update(watched);
      known.arrivedMs = Math.max(known.arrivedMs, timeMs);
      return known;
    }
    if (this.#pods.size >= this.#limits.pods) {
      this.#evictQuietest();
    }
    const pod = new PodState(watched, this.#podOptions);
    pod.arrivedMs = timeMs;
    this.#pods.set(watched.key, pod);
    return pod;
  }

  #evictQuietest(): void {
    let quietest: PodState | undefined;
    for (const pod of this.#pods.values()) {
      if (quietest === undefined || pod.arrivedMs < quietest.arrivedMs) {
        quietest = pod;
      }
    }
    if (quietest !== undefined) {
      this.#evicted.pods += 1;
      this.forget(quietest.pod.key);
    }
  }

  #countEvicted(pod: PodState): void {
    addEvicted(this.#evicted, pod);
  }
}

/** Between flows of the same time: names before packets, questions before answers, then by id: arrival decides nothing. */
function inTurn(a: Item, b: Item): number {
  if (a.flow === undefined || b.flow === undefined) {
    return Number(b.flow === undefined) - Number(a.flow === undefined);
  }
  const byKind = turnOf(a.flow) - turnOf(b.flow);
  if (byKind !== 0) {
    return byKind;
  }
  return a.flow.uuid < b.flow.uuid ? -1 : Number(a.flow.uuid > b.flow.uuid);
}

function turnOf(flow: Flow): number {
  return (flow.dns === undefined ? 2 : 0) + Number(flow.isReply === true);
}

function addEvicted(counts: EngineStats['evicted'], pod: PodState): void {
  counts.connections += pod.connections.evicted;
  counts.names += pod.names.evicted;
  counts.findings += pod.ledger.evicted;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Longest hold and longest time-out one after the other. */
const FLUSH_MS = LONGEST_HOLD_MS + ANSWER_TIMEOUT_MS + 1;
/** A gap is told after it was noticed: Hubble says so at most once a second, a node status with the reconnect's delay. */
const GAP_BEFORE_MS = 10_000;
