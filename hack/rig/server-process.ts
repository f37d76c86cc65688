/**
 * One server as a process of its own, in its own session, so that Ctrl-C in a terminal reaches the tests and not the
 * server under them; whoever started it ends it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf, isRunning, type ProcessIdentity } from '../process-identity.mjs';

const POLL_MS = 20;

/** Starts a server whose output goes to `<name>.log` in `folder`. */
export function startServer(folder: string, name: string, command: readonly string[]): ProcessIdentity {
  const [program = '', ...args] = command;
  const log = openSync(logPath(folder, name), 'a', 0o600);
  try {
    const child = spawn(program, args, { cwd: folder, detached: true, stdio: ['ignore', log, log] });
    child.on('error', () => {});
    child.unref();
    const identity = child.pid === undefined ? undefined : identityOf(child.pid);
    if (identity === undefined) {
      throw new Error(`${name} did not start: ${program}`);
    }
    return identity;
  } finally {
    closeSync(log);
  }
}

/** The last lines that a server wrote. */
export function tailOfLog(folder: string, name: string, lines = 15): string {
  return readIfThere(logPath(folder, name)).trim().split('\n').slice(-lines).join('\n');
}

/** Kills the processes and returns when none is left. At once and without a goodbye: their data dies with them. */
export async function endProcesses(identities: readonly ProcessIdentity[]): Promise<void> {
  killProcesses(identities);
  while (identities.some(isRunning)) {
    await sleep(POLL_MS);
  }
}

/** The part of ending processes that also works while this process exits. */
export function killProcesses(identities: readonly ProcessIdentity[]): void {
  for (const identity of identities) {
    try {
      if (isRunning(identity)) {
        process.kill(identity.pid, 'SIGKILL');
      }
    } catch (error) {
      // The end of one may be the end of another.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
        throw error;
      }
    }
  }
}

/** Memory that the process occupies, 0 when it has gone. */
export function residentMebibytes(pid: number): number {
  const answer =
    process.platform === 'linux'
      ? /^VmRSS:\s+(\d+)/m.exec(readIfThere(`/proc/${pid}/status`))?.[1]
      : spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }).stdout;
  return Math.round(Number(answer ?? 0) / 1024);
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function logPath(folder: string, name: string): string {
  return join(folder, `${name}.log`);
}
