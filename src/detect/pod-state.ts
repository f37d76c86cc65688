/**
 * Everything the engine remembers of one pod: shared facts, one memory per detector, and the ledger of findings.
 *
 * Bounded: connections, names, findings and every detector's memory have caps, so a pod cannot make the engine grow.
 */
import type { DnsRecord, Flow, FlowEndpoint } from '../flows/flow.ts';
import { BURST_MS, type Connection, ConnectionTable } from './connections.ts';
import type { Destination, Detector, Observation, PodDetector, PodFacts, Report } from './detector.ts';
import { EarlyHits } from './early.ts';
import type { Indicators } from './indicators/indicators.ts';
import { worstEntry } from './indicators/name-list.ts';
import { Ledger } from './ledger.ts';
import { LOOKUP_TO_CONNECT_MS, NameCache, START_GRACE_MS } from './names.ts';
import { compilePurposes, type Purposes } from './purpose.ts';
import type { Scope } from './scope.ts';
import type { WatchedPod } from './watch.ts';

export interface PodLimits {
  /** Most connections remembered. Default 128. */
  connections: number;
  /** Most addresses with names remembered. Default 128. */
  names: number;
  /** Most findings open at a time. Default 16. */
  findings: number;
}

export interface PodOptions {
  detectors: readonly Detector[];
  indicators: Indicators;
  limits: PodLimits;
  hashKey: number;
  /** Whether flows of the pod's node may be missing in a time. */
  isLossy(pod: PodState, fromMs: number, toMs: number): boolean;
  emit: ConstructorParameters<typeof Ledger>[0]['emit'];
}

interface Running {
  detector: Detector;
  memory: PodDetector;
  report: Report;
}

export class PodState implements PodFacts {
  readonly connections: ConnectionTable;
  readonly names: NameCache;
  readonly ledger: Ledger;
  readonly early: EarlyHits;
  /** The node whose flows tell of this pod. */
  nodeName = '';
  /** Event time of the newest flow that has arrived, in order or not. */
  arrivedMs = Number.NEGATIVE_INFINITY;
  /** Event time up to which the pod's story is told. */
  nowMs = Number.NEGATIVE_INFINITY;
  readonly #options: PodOptions;
  readonly #running: readonly Running[];
  #pod: WatchedPod;
  #purposes: Purposes;

  constructor(pod: WatchedPod, options: PodOptions) {
    this.#options = options;
    this.#pod = pod;
    this.#purposes = purposesOf(pod);
    this.connections = new ConnectionTable(options.limits.connections);
    this.names = new NameCache({ addresses: options.limits.names });
    this.ledger = new Ledger({
      pod: () => this.#pod,
      maxFindings: options.limits.findings,
      isLossy: (fromMs, toMs) => this.isLossy(fromMs, toMs),
      emit: options.emit,
    });
    this.early = new EarlyHits(options.detectors);
    this.#running = options.detectors.map((detector, slot) => ({
      detector,
      memory: detector.create(this, slot),
      report: (evidence) => this.ledger.report(detector, evidence, this.nowMs),
    }));
  }

  get indicators(): Indicators {
    return this.#options.indicators;
  }

  get hashKey(): number {
    return this.#options.hashKey;
  }

  get pod(): WatchedPod {
    return this.#pod;
  }

  /** Takes over what is newly known of the pod, such as changed settings of its sandbox. */
  update(pod: WatchedPod): void {
    if (pod !== this.#pod) {
      this.#purposes = pod.sandbox === this.#pod.sandbox ? this.#purposes : purposesOf(pod);
      this.#pod = pod;
    }
  }

  startedMs(): number | undefined {
    return this.#pod.startedMs;
  }

  isDeclared(destination: Destination): boolean {
    return this.#purposes.isDeclared(destination);
  }

  /** Whether a detector is on for this pod, and not told to pass over this destination. */
  mayJudge(detector: Detector, destination: Destination | undefined, timeMs: number): boolean {
    const { detectors } = this.#pod.sandbox.detection;
    if (detectors.some((setting) => setting.name === detector.name && setting.action === 'None')) {
      return false;
    }
    return destination === undefined || !this.#purposes.isExempt(detector.name, destination, timeMs);
  }

  isLossy(fromMs: number, toMs: number): boolean {
    return this.#options.isLossy(this, fromMs, toMs);
  }

  learnNames(dns: DnsRecord, timeMs: number): void {
    if (dns.ips.length === 0 && dns.type === 'REQUEST') {
      return;
    }
    const names = [dns.query, ...dns.cnames];
    this.names.learn(dns, this.isListed(names));
    for (const ip of dns.ips) {
      // A connection that was stamped just before the answer it rests on.
      this.connections.nameFresh(ip, names, timeMs - BURST_MS);
    }
  }

  openConnection(scope: Scope, { flow, role, sawStart }: Opening): Connection {
    const { ip, endpoint, service, hubbleNames, localPort, port } = farEnd(flow, role);
    const known = this.names.namesOf(ip, hubbleNames, flow.timeMs);
    const isUnsure = known.naming === 'Direct' && !this.#isSureOfNoName(flow.timeMs, sawStart);
    return this.connections.open({
      ip,
      protocol: flow.protocol,
      localPort,
      port,
      scope,
      group: workloadOf(endpoint) || service || (known.names[0] ?? ip),
      naming: isUnsure ? 'Unknown' : known.naming,
      names: known.names,
      sawStart,
      firstMs: flow.timeMs,
    });
  }

  /** Lets every detector see one event. Time-outs before it come first. */
  process(seen: Observation): void {
    this.advance(seen.timeMs);
    const destination = this.#purposes.hasExemptions ? destinationOf(seen) : undefined;
    for (const { detector, memory, report } of this.#running) {
      if (this.mayJudge(detector, destination, seen.timeMs)) {
        memory.onFlow(seen, report);
      }
    }
    this.ledger.settle(this.nowMs);
  }

  /** Brings the pod to a time at which nothing need have happened. */
  advance(toMs: number): void {
    let doneMs = Number.NEGATIVE_INFINITY;
    for (let due = this.nextDeadlineMs(); due <= toMs && due > doneMs; due = this.nextDeadlineMs()) {
      doneMs = due;
      this.nowMs = Math.max(this.nowMs, due);
      for (const { detector, memory, report } of this.#running) {
        if (memory.nextTimerMs !== undefined && memory.nextTimerMs() <= due) {
          memory.onTimer?.(due, this.mayJudge(detector, undefined, due) ? report : ignore);
        }
      }
      this.ledger.settle(this.nowMs);
    }
    this.nowMs = Math.max(this.nowMs, toMs);
  }

  nextDeadlineMs(): number {
    let next = this.ledger.nextCheckMs();
    for (const { memory } of this.#running) {
      if (memory.nextTimerMs !== undefined) {
        next = Math.min(next, memory.nextTimerMs());
      }
    }
    return next;
  }

  /** Whether contact with any of the names is suspicious by itself. */
  isListed(names: readonly string[]): boolean {
    const { tunnels, pools } = this.indicators;
    return [tunnels, pools].some((list) => (worstEntry(list, names, undefined)?.role ?? 'brand') !== 'brand');
  }

  /** That no name was seen proves nothing for a connection older than our watch, at pod start, or while flows are lost. */
  #isSureOfNoName(timeMs: number, sawStart: boolean): boolean {
    const startedMs = this.#pod.startedMs;
    const isStarting = startedMs !== undefined && timeMs < startedMs + START_GRACE_MS;
    return sawStart && !isStarting && !this.isLossy(timeMs - LOOKUP_TO_CONNECT_MS, timeMs);
  }
}

function ignore(): void {
  // A detector that was switched off keeps its time, and says nothing.
}

interface Opening {
  flow: Flow;
  /** Which end the pod is. */
  role: 'Source' | 'Destination';
  sawStart: boolean;
}

/** The end of a flow that is not the pod. */
function farEnd(flow: Flow, role: Opening['role']) {
  return role === 'Source'
    ? {
        ip: flow.destinationIp,
        endpoint: flow.destination,
        service: flow.destinationService,
        hubbleNames: flow.destinationNames,
        localPort: flow.sourcePort,
        port: flow.destinationPort,
      }
    : {
        ip: flow.sourceIp,
        endpoint: flow.source,
        service: '',
        hubbleNames: flow.sourceNames,
        localPort: flow.destinationPort,
        port: flow.sourcePort,
      };
}

function workloadOf({ workload, namespace }: FlowEndpoint): string {
  return workload === undefined ? '' : `${workload.kind}/${namespace}/${workload.name}`;
}

/** Where an observation leads, or undefined for one without a place. */
function destinationOf({ connection, flow }: Observation): Destination | undefined {
  if (connection !== undefined) {
    return connection;
  }
  const names = flow.dns === undefined ? flow.destinationNames : [flow.dns.query];
  return { ip: '', names, port: 0, protocol: '' };
}

function purposesOf(pod: WatchedPod): Purposes {
  let purposes = COMPILED.get(pod.sandbox);
  if (purposes === undefined) {
    purposes = compilePurposes(pod.sandbox);
    COMPILED.set(pod.sandbox, purposes);
  }
  return purposes;
}

/** All pods of a sandbox share one object, so its rules are compiled once. */
const COMPILED = new WeakMap<WatchedPod['sandbox'], Purposes>();
