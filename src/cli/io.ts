/**
 * What a command may touch of the outside world, and how it ends.
 *
 * Commands get this passed in and return an exit code, so that tests run them without a process; only `main.ts` reads
 * argv and the environment and ends the process.
 */
import type { Readable, Writable } from 'node:stream';

/** Exit codes, the same for every command; each command's help says what 0 and 1 mean there. */
export const EXIT = { ok: 0, no: 1, usage: 2, undecided: 3, failure: 70 } as const;

export interface CommandIo {
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
  env: Readonly<Record<string, string | undefined>>;
  /** Working directory that relative paths are read from. */
  cwd: string;
  /** Colour is for terminals only. */
  color: boolean;
  /** Aborted on SIGINT and SIGTERM. */
  signal: AbortSignal;
  /** Called once by a command that ends with anything but 0. */
  setExitCode(code: number): void;
}

/** An error that is the user's to mend: its message is printed alone, without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT.usage) {
    super(message);
    this.exitCode = exitCode;
  }
}
