/**
 * Cuts bytes into lines and lines into flow events, for every source that carries JSON lines.
 *
 * A line is kept only up to the longest that is decoded; the rest of a longer one is thrown away as it comes, so a file
 * without line ends costs one mebibyte, not its size. Bytes that are not UTF-8 become U+FFFD: a name with a stray byte in it
 * is still evidence.
 */

import { decodeJsonLine, MAX_LINE_CHARACTERS } from '../decode-json.ts';
import { type Decoded, failed } from '../decoded.ts';
import type { FlowEvent } from '../flow.ts';
import type { Intake } from '../intake.ts';

/** Most events handed over at once: enough to spread the cost of the hand-over, little enough to stop soon. */
export const MAX_BATCH = 256;

export interface LineDecoder {
  /** Events of the lines that this chunk completes, in order, in batches. */
  push(chunk: Uint8Array): FlowEvent[][];
  /** Events of a last line without line end. The next chunk then begins a new file, at line 1. */
  end(): FlowEvent[][];
}

export function createLineDecoder(intake: Intake): LineDecoder {
  let lineNumber = 0;
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;

  function keep(bytes: Uint8Array): void {
    pendingBytes += bytes.length;
    if (pendingBytes > MAX_LINE_CHARACTERS) {
      pending = [];
    } else if (bytes.length > 0) {
      // A copy, because the reader fills the same memory again.
      pending.push(Uint8Array.from(bytes));
    }
  }

  function finishLine(rest: Uint8Array): Decoded {
    lineNumber += 1;
    const bytes = pendingBytes + rest.length;
    const parts = pending;
    pending = [];
    pendingBytes = 0;
    if (bytes > MAX_LINE_CHARACTERS) {
      return failed('TooLong', `line ${lineNumber}`, `longer than ${MAX_LINE_CHARACTERS} bytes`);
    }
    const line = parts.length === 0 ? rest : Buffer.concat([...parts, rest]);
    return decodeJsonLine(UTF_8.decode(line), lineNumber);
  }

  function collect(lines: Iterable<Decoded>): FlowEvent[][] {
    const batches: FlowEvent[][] = [];
    for (const decoded of lines) {
      const event = intake.take(decoded);
      if (event !== undefined) {
        append(batches, event);
      }
    }
    return batches;
  }

  function* linesOf(chunk: Uint8Array): Generator<Decoded> {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      yield finishLine(chunk.subarray(start, end));
      start = end + 1;
    }
    keep(chunk.subarray(start));
  }

  return {
    push: (chunk) => collect(linesOf(chunk)),
    end() {
      const batches = pendingBytes === 0 ? [] : collect([finishLine(new Uint8Array(0))]);
      lineNumber = 0;
      return batches;
    },
  };
}

function append(batches: FlowEvent[][], event: FlowEvent): void {
  const last = batches.at(-1);
  if (last === undefined || last.length >= MAX_BATCH) {
    batches.push([event]);
  } else {
    last.push(event);
  }
}

const LINE_FEED = 0x0a;
const UTF_8 = new TextDecoder('utf-8');
