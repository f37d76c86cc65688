/**
 * Tells a person how a long wait is going: one line that is rewritten on a terminal, a line now and then elsewhere, so
 * that a CI log stays short. It writes to stderr; stdout belongs to what a command prints.
 */
import process from 'node:process';

export interface Progress {
  /** A line that stays. */
  say(text: string): void;
  /** How far the present step is; may be called often. */
  update(text: string): void;
}

/** How often a log that is not a terminal gets a line. */
const QUIET_MS = 15_000;

/** Progress on a stream, stderr unless another is given. */
export function progressTo(stream: NodeJS.WriteStream = process.stderr): Progress {
  let shown = false;
  let lastLine = Date.now();
  return {
    say(text) {
      stream.write(`${shown ? '\r\x1b[K' : ''}bulkhead: ${text}\n`);
      shown = false;
      lastLine = Date.now();
    },
    update(text) {
      if (stream.isTTY) {
        shown = true;
        stream.write(`\r\x1b[Kbulkhead: ${text}`.slice(0, stream.columns));
      } else if (Date.now() - lastLine >= QUIET_MS) {
        lastLine = Date.now();
        stream.write(`bulkhead: ${text}\n`);
      }
    },
  };
}

/** A duration for people: `45 s`, `3 min 20 s`. */
export function elapsed(sinceMs: number): string {
  const seconds = Math.round((Date.now() - sinceMs) / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
