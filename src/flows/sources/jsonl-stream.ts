/**
 * Flows from a stream of JSON lines, such as standard input: `hubble observe -o jsonpb -f | bulkhead …`.
 *
 * Ends when the stream ends. Reads no further than the consumer has come, so a slow consumer slows the writer of the pipe.
 */
import type { Readable } from 'node:stream';
import type { FlowEvent, FlowSource } from '../flow.ts';
import { createIntake, type Intake, type IntakeOptions } from '../intake.ts';
import { FlowSourceError } from './flow-source-error.ts';
import { createLineDecoder } from './line-decoder.ts';

/** @param name - for messages and health, such as `stdin`. */
export function jsonlStream(name: string, stream: Readable, options: IntakeOptions = {}): FlowSource {
  const intake = createIntake(options);
  return {
    name,
    batches: (signal) => readJsonLines(name, stream, intake, signal),
    health: () => intake.health(),
  };
}

/** One pass over a stream that has an end. Destroys the stream when it is done or aborted. */
export async function* readJsonLines(
  name: string,
  stream: Readable,
  intake: Intake,
  signal: AbortSignal,
): AsyncGenerator<readonly FlowEvent[]> {
  const decoder = createLineDecoder(intake);
  const stop = () => stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  intake.setConnected(!signal.aborted);
  try {
    if (signal.aborted) {
      return;
    }
    for await (const chunk of stream) {
      yield* decoder.push(chunk as Uint8Array);
    }
    yield* decoder.end();
    intake.setConnected(false);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    intake.setConnected(false, signal.aborted ? undefined : reason);
    // Destroying the stream ends its iteration with an error; that is how an abort looks.
    if (!signal.aborted) {
      throw new FlowSourceError('Unreadable', `cannot read flows from ${name}: ${reason}`, { cause: error });
    }
  } finally {
    signal.removeEventListener('abort', stop);
    stream.destroy();
  }
}
