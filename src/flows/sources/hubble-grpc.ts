/**
 * Flows over gRPC from a Hubble node server, its socket, or a relay: a subscription that outlives every connection.
 *
 * A connection ends for many reasons (the server restarts, a certificate is rotated, the watchdog finds it mute, the set of
 * namespaces changes); each time the next one asks from a little before the newest flow that was seen, and what comes
 * twice is dropped by its uuid. The consumer sees one sequence; what was missed in between shows in `health`.
 * One connection is `hubble-client.ts`, one stream `stream-buffer.ts`, finding mute streams `stream-watchdog.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { printable } from '../../api/v1alpha1/display.ts';
import type { FlowEvent, FlowSource } from '../flow.ts';
import { createIntake, type Intake, type IntakeOptions } from '../intake.ts';
import { createRestartWatch } from '../restarts.ts';
import { createResumePoint } from '../resume-point.ts';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import { codeOf, connectHubble, type HubbleAddress, isTooLarge } from './hubble-client.ts';
import { eventTimeMs, HubbleSession, type SessionEnd } from './hubble-session.ts';

export interface HubbleOptions extends IntakeOptions {
  /** Only flows from or to pods of these namespaces; undefined means all. An empty list means none for now. */
  namespaces?: readonly string[] | undefined;
  /** Event time to begin at, in milliseconds; undefined means now. */
  sinceMs?: number | undefined;
  /** Wait after a failed connection. Default 1 s doubling to 30 s. */
  backoff?: BackoffOptions | undefined;
  /** Time between looks of the watchdog. Default 10 s. */
  watchdogMs?: number | undefined;
  /** From 0 up to 1; only for tests. */
  random?: (() => number) | undefined;
}

export interface HubbleSource extends FlowSource {
  /** Changes the namespaces that are asked for, without losing what happens meanwhile. */
  setNamespaces(namespaces: readonly string[] | undefined): void;
}

/** @param name - for messages and health, such as the address. */
export function hubbleSource(name: string, address: HubbleAddress, options: HubbleOptions = {}): HubbleSource {
  const intake = createIntake(options);
  const resume = createResumePoint();
  const restarts = createRestartWatch();
  const { backoff = DEFAULT_BACKOFF, watchdogMs = DEFAULT_WATCHDOG_MS, random = Math.random } = options;
  let namespaces = sorted(options.namespaces);
  let current: HubbleSession | undefined;
  let sinceMs = options.sinceMs;

  /** One connection from beginning to end. */
  async function* session(signal: AbortSignal): AsyncGenerator<readonly FlowEvent[], SessionEnd> {
    const connection = await connectHubble(address);
    try {
      const answer = await connection.nodes(signal);
      if (answer.nodes.length === 0) {
        // It would sort over a hundred flows for as long as the stream lasts, and so hold each back for that long.
        throw new Error('the relay knows no nodes yet');
      }
      signal.throwIfAborted();
      current = new HubbleSession({ connection, answer, namespaces, sinceMs, intake, resume, restarts, watchdogMs });
      intake.setConnected(true);
      return yield* untilAborted(current, signal);
    } finally {
      current = undefined;
      connection.close();
    }
  }

  async function* batches(signal: AbortSignal): AsyncGenerator<readonly FlowEvent[]> {
    let failures = 0;
    while (!signal.aborted) {
      const receivedBefore = intake.health().received;
      const end = yield* endOf(session(signal), intake, name);
      if (intake.health().received > receivedBefore) {
        failures = 0;
      }
      const resumeMs = resume.sinceMs(Date.now());
      sinceMs = end.isSkipping === true ? undefined : earliest(end.sinceMs, resumeMs ?? sinceMs);
      if (!end.isPlanned) {
        failures += 1;
        intake.setConnected(false, end.reason);
        await pause(backoffMs(failures, random(), backoff), signal);
      }
    }
    intake.setConnected(false);
  }

  return {
    name,
    batches,
    health: () => intake.health(),
    setNamespaces(wanted) {
      const next = sorted(wanted);
      if (next?.join() !== namespaces?.join()) {
        namespaces = next;
        current?.endSoon({ reason: 'the namespaces changed', isPlanned: true });
      }
    },
  };
}

async function* untilAborted(
  session: HubbleSession,
  signal: AbortSignal,
): AsyncGenerator<readonly FlowEvent[], SessionEnd> {
  const stop = () => session.end({ reason: 'aborted', isPlanned: true });
  signal.addEventListener('abort', stop, { once: true });
  try {
    return yield* session.batches();
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** Passes on what a session yields, and turns the error it ends with into words. */
async function* endOf(
  session: AsyncGenerator<readonly FlowEvent[], SessionEnd>,
  intake: Intake,
  name: string,
): AsyncGenerator<readonly FlowEvent[], SessionEnd> {
  try {
    return yield* session;
  } catch (error) {
    if (isTooLarge(error)) {
      // Asked again from before it, the same message would come again; going on means going past it.
      const lost = { timeMs: eventTimeMs(intake), nodeName: name, source: 'MESSAGE_TOO_LARGE', count: 1 };
      intake.take({ kind: 'lost', lost });
      yield [{ kind: 'lost', lost }];
      return { reason: describe(error), isPlanned: false, isSkipping: true };
    }
    return { reason: describe(error), isPlanned: false };
  }
}

function describe(error: unknown): string {
  if (codeOf(error) === status.UNIMPLEMENTED) {
    return 'the server does not offer Hubble flows (observer.Observer); is this the address of a Hubble server or relay?';
  }
  return printable(error instanceof Error ? error.message : String(error), 300);
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

function sorted(namespaces: readonly string[] | undefined): readonly string[] | undefined {
  return namespaces === undefined ? undefined : [...new Set(namespaces)].sort();
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
  }
}

const DEFAULT_BACKOFF: BackoffOptions = { minMs: 1_000, maxMs: 30_000 };

/** One short question to the server; with a relay, one of it to each node. */
const DEFAULT_WATCHDOG_MS = 10_000;
