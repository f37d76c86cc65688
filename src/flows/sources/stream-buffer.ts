/**
 * Turns a gRPC stream into batches that the consumer takes at its own pace.
 *
 * What has arrived is handed over together. When the consumer falls behind, reading stops, the server's window fills, its
 * ring overruns our stream, and it says so with lost events: late is visible, memory is bounded.
 */
import { setImmediate as immediate } from 'node:timers/promises';
import type { ClientReadableStream } from '@grpc/grpc-js';
import type { Decoded } from '../decoded.ts';
import { MAX_BATCH } from './line-decoder.ts';

export interface StreamBuffer {
  /** Everything that has arrived, in order. Ends with the stream; throws its error. */
  batches(): AsyncGenerator<Decoded[]>;
  /** Puts an event of our own at the end. */
  add(decoded: Decoded): void;
  /** Whether the consumer has taken everything. */
  isDrained(): boolean;
  /** Ends the stream from our side; what has not been taken is dropped. */
  cancel(): void;
}

/** @param onArrival - called for each message when it comes in, before the consumer sees it. */
export function bufferStream(call: ClientReadableStream<Decoded>, onArrival: (decoded: Decoded) => void): StreamBuffer {
  let arrived: Decoded[] = [];
  let outcome: { error?: unknown } | undefined;
  let wake = () => {};

  function add(decoded: Decoded): void {
    arrived.push(decoded);
    if (arrived.length >= MAX_BATCH) {
      call.pause();
    }
    wake();
  }

  function finish(how: { error?: unknown }): void {
    outcome ??= how;
    wake();
  }

  call.on('data', (decoded: Decoded) => {
    onArrival(decoded);
    add(decoded);
  });
  call.on('error', (error) => finish({ error }));
  call.on('end', () => finish({}));

  return {
    add,
    isDrained: () => arrived.length === 0,
    cancel() {
      arrived = [];
      finish({});
      call.cancel();
    },
    async *batches() {
      for (;;) {
        if (arrived.length > 0) {
          // Messages come out of gRPC one turn of the microtask queue after the other; this lets all that are here come.
          await immediate();
          const batch = arrived.splice(0, MAX_BATCH);
          call.resume();
          if (batch.length > 0) {
            yield batch;
          }
        } else if (outcome !== undefined) {
          if ('error' in outcome) {
            throw outcome.error;
          }
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}
