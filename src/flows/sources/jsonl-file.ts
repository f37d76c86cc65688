/**
 * Flows from a file of JSON lines: Hubble's exporter, followed through rotation, or a recording, read once and packed with
 * gzip or not.
 */
import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { FlowEvent, FlowSource } from '../flow.ts';
import { createIntake, type Intake, type IntakeOptions } from '../intake.ts';
import { type TailOptions, tailFile } from './file-tail.ts';
import { readJsonLines } from './jsonl-stream.ts';
import { createLineDecoder } from './line-decoder.ts';

export interface JsonlFileOptions extends IntakeOptions {
  /** Follow what is appended until aborted; otherwise read once to the end. Default false. */
  follow?: boolean | undefined;
  /** Where following begins. Default `end`. */
  from?: TailOptions['from'] | undefined;
  /** Milliseconds between looks when following. Default 250. */
  pollMs?: number | undefined;
}

/** @throws FlowSourceError while iterating, when a file that is read once is missing, unreadable or cut short. */
export function jsonlFile(path: string, options: JsonlFileOptions = {}): FlowSource {
  const intake = createIntake(options);
  return {
    name: path,
    batches: (signal) =>
      options.follow === true ? follow(path, options, intake, signal) : readOnce(path, intake, signal),
    health: () => intake.health(),
  };
}

async function* readOnce(path: string, intake: Intake, signal: AbortSignal): AsyncGenerator<readonly FlowEvent[]> {
  const file = createReadStream(path);
  const stream = (await startsLikeGzip(file))
    ? // The iteration reports an error of either stream; the callback is only there because pipeline wants one.
      pipeline(file, createGunzip(), () => undefined)
    : file;
  yield* readJsonLines(path, stream, intake, signal);
}

/** Looks at the first bytes and puts them back, since a pipe can be read only once. Errors are left to the reading. */
async function startsLikeGzip(file: Readable): Promise<boolean> {
  await new Promise((resolve) => file.once('readable', resolve).once('error', resolve));
  const head: unknown = file.read();
  if (!Buffer.isBuffer(head)) {
    return false;
  }
  file.unshift(head);
  return head.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC);
}

async function* follow(
  path: string,
  options: JsonlFileOptions,
  intake: Intake,
  signal: AbortSignal,
): AsyncGenerator<readonly FlowEvent[]> {
  const decoder = createLineDecoder(intake);
  const events = tailFile({
    path,
    signal,
    from: options.from ?? 'end',
    pollMs: options.pollMs ?? DEFAULT_POLL_MS,
    onState: (problem) => intake.setConnected(problem === undefined, problem),
  });
  for await (const event of events) {
    yield* event.kind === 'bytes' ? decoder.push(event.bytes) : decoder.end();
  }
  intake.setConnected(false);
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/** Four looks a second add at most 0.25 s to what Hubble's exporter needs by itself, and cost two stat calls each. */
const DEFAULT_POLL_MS = 250;
