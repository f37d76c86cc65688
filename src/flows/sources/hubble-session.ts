/**
 * One stream of flows on one connection, with the watchdog that looks after it, until it ends for whatever reason.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Decoded } from '../decoded.ts';
import type { Flow, FlowEvent } from '../flow.ts';
import type { Intake } from '../intake.ts';
import type { NodesAnswer, RestartWatch } from '../restarts.ts';
import type { ResumePoint } from '../resume-point.ts';
import type { HubbleConnection } from './hubble-client.ts';
import { bufferStream, type StreamBuffer } from './stream-buffer.ts';
import { bareName, flowsOf, StreamWatchdog, type WatchdogReport } from './stream-watchdog.ts';

/** Why a session ended. */
export interface SessionEnd {
  /** For people. */
  reason: string;
  /** Ended by us for a reason that is no failure: the next one is opened at once. */
  isPlanned: boolean;
  /** Event time from which the next session should ask, when it is earlier than it would by itself. */
  sinceMs?: number;
  /** The next session should begin with what happens then. */
  isSkipping?: boolean;
}

export interface SessionOptions {
  connection: HubbleConnection;
  /** What the server said about its nodes just before. */
  answer: NodesAnswer;
  namespaces: readonly string[] | undefined;
  sinceMs: number | undefined;
  intake: Intake;
  resume: ResumePoint;
  restarts: RestartWatch;
  watchdogMs: number;
}

export class HubbleSession {
  readonly #options: SessionOptions;
  readonly #buffer: StreamBuffer;
  readonly #ended = new AbortController();
  readonly #arrived = new Map<string, number>();
  #end: SessionEnd | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { connection, namespaces, sinceMs } = options;
    // One flow of the past from each node: the smallest sorting buffer a relay can have, see FlowsRequest.
    const call = connection.flows({ follow: true, number: 1, sinceMs, namespaces });
    this.#buffer = bufferStream(call, (decoded) => this.#count(decoded));
    this.#tellRestarts(options.answer);
    // Rejections are turned into an end inside.
    void this.#watch();
  }

  /** Ends with the reason; throws the stream's error. */
  async *batches(): AsyncGenerator<readonly FlowEvent[], SessionEnd> {
    for await (const arrived of this.#buffer.batches()) {
      const events = arrived.flatMap((decoded) => this.#take(decoded));
      if (events.length > 0) {
        yield events;
      }
    }
    return this.#end ?? { reason: 'the server ended the stream', isPlanned: false };
  }

  end(how: SessionEnd): void {
    this.#end ??= how;
    this.#ended.abort();
    this.#buffer.cancel();
    this.#options.connection.close();
  }

  /** Ends in a moment, so that several calls in a row end it once. */
  endSoon(how: SessionEnd): void {
    void this.#pause(SOON_MS).then(() => this.end(how));
  }

  #take(decoded: Decoded): FlowEvent[] {
    const event = this.#options.intake.take(decoded);
    if (event?.kind === 'flow') {
      this.#options.resume.observe(event.flow.nodeName, event.flow.timeMs);
    }
    return event === undefined ? [] : [event];
  }

  #count(decoded: Decoded): void {
    if (decoded.kind === 'flow') {
      for (const name of ['', bareName(decoded.flow.nodeName)]) {
        this.#arrived.set(name, (this.#arrived.get(name) ?? 0) + 1);
      }
    }
  }

  async #watch(): Promise<void> {
    const { answer, resume, watchdogMs } = this.#options;
    const stream = {
      resume,
      openedMs: Date.now(),
      nodesAtOpen: answer.nodes,
      newestFlows: () => this.#newestFlows(),
      arrivedFrom: (name: string) => this.#arrived.get(bareName(name)) ?? 0,
      isDrained: () => this.#buffer.isDrained(),
    };
    const watchdog = new StreamWatchdog(stream, () => this.#pause(GRACE_MS));
    let unanswered = 0;
    while (unanswered < MAX_UNANSWERED) {
      await this.#pause(watchdogMs);
      if (this.#ended.signal.aborted) {
        return;
      }
      try {
        const now = await this.#options.connection.nodes(this.#ended.signal);
        const missing = now.nodes.filter((node) => !node.isConnected).map((node) => node.name);
        this.#options.intake.setUnavailable(missing);
        this.#tellRestarts(now);
        this.#act(await watchdog.look(now.nodes));
        unanswered = 0;
      } catch {
        // Counted; why shows on the stream itself, or never.
        unanswered += 1;
      }
    }
    this.end({ reason: 'the server does not answer any more', isPlanned: false });
  }

  #act(report: WatchdogReport): void {
    if (report.kind === 'mute') {
      const reason = `the stream had gone silent for ${report.nodeNames.join(', ')}`;
      this.end({ reason, isPlanned: true, sinceMs: report.sinceMs });
    }
  }

  /** How much was lost nobody knows. */
  #tellRestarts(answer: NodesAnswer): void {
    for (const nodeName of this.#options.restarts(answer)) {
      const lost = { timeMs: eventTimeMs(this.#options.intake), nodeName, source: 'SERVER_RESTARTED', count: 0 };
      this.#buffer.add({ kind: 'lost', lost });
    }
  }

  /** With a relay, `number` holds for each node. */
  async #newestFlows(): Promise<Flow[]> {
    const { connection, namespaces } = this.#options;
    const call = connection.flows({ follow: false, number: NEWEST_FLOWS, namespaces });
    const deadline = setTimeout(() => call.cancel(), POLL_MS);
    const flows: Flow[] = [];
    try {
      for await (const batch of bufferStream(call, () => undefined).batches()) {
        flows.push(...flowsOf(batch));
      }
    } catch {
      // Too slow or refused: what has come by now is true all the same.
    } finally {
      clearTimeout(deadline);
    }
    return flows;
  }

  /** Ends early, and without error, when the session ends. */
  async #pause(ms: number): Promise<void> {
    const { signal } = this.#ended;
    try {
      await sleep(ms, undefined, { signal });
    } catch (error) {
      if (!signal.aborted) {
        throw error;
      }
    }
  }
}

/** The present as far as the flows go: a recording that is fed again has its own. */
export function eventTimeMs(intake: Intake): number {
  return intake.health().lastFlowTimeMs ?? Date.now();
}

/** Sandboxes that are created together should change the filter once. */
const SOON_MS = 250;

/** A relay sorts for up to a second, and a node shows its newest flow only with the next one. */
const GRACE_MS = 2_000;

/** One answer may get lost; two in a row, with 5 s each, mean that nobody is there. */
const MAX_UNANSWERED = 2;

/** Without a namespace filter the server counts events of the agent too, which are not sent. */
const NEWEST_FLOWS = 16;
const POLL_MS = 5_000;
