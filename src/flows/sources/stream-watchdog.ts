/**
 * Finds streams that look healthy and deliver nothing.
 *
 * Hubble has several: a stream opened on a ring with fewer than two events stays mute until the ring has wrapped once, a
 * relay does not take a node up again whose stream ended without an error, and either can happen to one node while the
 * others flow. So each node's own count of flows seen is compared with what came from it; when one grows and the other does
 * not, the newest flows are asked for by a second call, which decides. A node that is silent for our namespaces passes.
 */
import type { Decoded } from '../decoded.ts';
import type { Flow } from '../flow.ts';
import type { NodeFlows } from '../hubble-requests.ts';
import type { ResumePoint } from '../resume-point.ts';

export interface WatchedStream {
  /** The newest flows of each node that the stream should have delivered. */
  newestFlows(): Promise<Flow[]>;
  resume: ResumePoint;
  /** Wall clock when the stream was opened. */
  openedMs: number;
  /** What the nodes said when it was opened. */
  nodesAtOpen: readonly NodeFlows[];
  /** Flows that have arrived from a node so far; all of them for the name of a node server, which is empty. */
  arrivedFrom(nodeName: string): number;
  /** Whether everything that arrived has been consumed; while not, nothing can be said. */
  isDrained(): boolean;
}

export type WatchdogReport =
  | { kind: 'fine' }
  /** Open the stream again, from this event time. */
  | { kind: 'mute'; nodeNames: readonly string[]; sinceMs: number };

/** One watch over one stream. */
export class StreamWatchdog {
  readonly #stream: WatchedStream;
  readonly #wait: () => Promise<void>;
  #before: Map<string, { seen: number; arrived: number }>;

  /** @param wait - time for what is on its way to arrive; a relay sorts for up to a second. */
  constructor(stream: WatchedStream, wait: () => Promise<void>) {
    this.#stream = stream;
    this.#wait = wait;
    this.#before = this.#counts(stream.nodesAtOpen);
  }

  /** One look. Rejects when the server does not answer. */
  async look(nodes: readonly NodeFlows[]): Promise<WatchdogReport> {
    const before = this.#before;
    const now = this.#counts(nodes);
    this.#before = now;
    const silent = [...now].flatMap(([name, { seen, arrived }]) => {
      const last = before.get(name);
      // A smaller count is that of a server which has restarted.
      return last !== undefined && seen > 0 && seen !== last.seen && arrived === last.arrived ? [name] : [];
    });
    return silent.length === 0 || !this.#stream.isDrained() ? { kind: 'fine' } : await this.#judge(new Set(silent));
  }

  async #judge(silent: ReadonlySet<string>): Promise<WatchdogReport> {
    const isFromSilent = (flow: Flow) => silent.has('') || silent.has(bareName(flow.nodeName));
    const newest = (await this.#stream.newestFlows()).filter(isFromSilent);
    if (!newest.some((flow) => this.#isMissing(flow))) {
      return { kind: 'fine' };
    }
    await this.#wait();
    const missing = newest.filter((flow) => this.#isMissing(flow));
    if (missing.length === 0 || !this.#stream.isDrained()) {
      return { kind: 'fine' };
    }
    return {
      kind: 'mute',
      nodeNames: [...new Set(missing.map((flow) => flow.nodeName))],
      sinceMs: Math.min(...missing.map((flow) => this.#lastKnownMs(flow))),
    };
  }

  #isMissing(flow: Flow): boolean {
    const newestMs = this.#stream.resume.newestMs(flow.nodeName);
    return newestMs === undefined || flow.timeMs > newestMs;
  }

  /** Event time up to which the node's flows are known to have come. */
  #lastKnownMs(flow: Flow): number {
    return this.#stream.resume.newestMs(flow.nodeName) ?? Math.min(this.#stream.openedMs, flow.timeMs);
  }

  #counts(nodes: readonly NodeFlows[]): Map<string, { seen: number; arrived: number }> {
    return new Map(
      nodes
        .filter((node) => node.isConnected)
        .map((node) => [bareName(node.name), { seen: node.seen, arrived: this.#stream.arrivedFrom(node.name) }]),
    );
  }
}

/** Node name without the cluster's, which some servers put before it and some do not. */
export function bareName(nodeName: string): string {
  return nodeName.slice(nodeName.lastIndexOf('/') + 1);
}

/** The flows among what a call brought. */
export function flowsOf(decoded: readonly Decoded[]): Flow[] {
  return decoded.flatMap((one) => (one.kind === 'flow' ? [one.flow] : []));
}
