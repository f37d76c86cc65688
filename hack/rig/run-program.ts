/**
 * Runs a program to its end and returns what it said. A program that is not installed is its own kind of answer, so
 * that callers can say how to get it.
 */
import { spawn } from 'node:child_process';
import type { Environment } from './folders.ts';

export interface ProgramResult {
  /** Exit code; 128 when a signal ended it. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface ProgramOptions {
  cwd?: string;
  env?: Environment;
  stdin?: string;
  /** Sends SIGTERM when aborted. */
  signal?: AbortSignal | undefined;
  /** Called with each whole line of stderr as it comes. */
  onStderrLine?: (line: string) => void;
}

/** Runs `program`; undefined when there is no such program. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], {
      cwd: options.cwd,
      env: options.env,
      signal: options.signal,
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    forEachLine(child.stderr, options.onStderrLine);
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' && error.syscall?.startsWith('spawn')) {
        resolve(undefined);
      } else {
        reject(error);
      }
    });
    child.on('close', (code) =>
      resolve({
        code: code ?? 128,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
    // A program that ends without reading its input is no error of ours.
    child.stdin.on('error', () => {});
    child.stdin.end(options.stdin ?? '');
  });
}

function forEachLine(stream: NodeJS.ReadableStream, onLine: ((line: string) => void) | undefined): void {
  if (onLine === undefined) {
    return;
  }
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  });
}
