/**
 * One process of the Hubble feeder and the conversation with it: commands and flows go to its stdin, JSON lines about what
 * is done come from its stdout. It ends with its stdin, so that none outlives this process.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { RigError } from './rig-error.ts';

/** A line from the feeder: `ready` once, `done` for each command, `error` for a line it could not use. */
export interface FeederReport {
  ready?: 'node' | 'relay';
  done?: string;
  error?: string;
  address?: string;
  peerAddress?: string;
  /** Events fed so far. */
  fed?: number;
}

export interface FeederProcess {
  /** What it said when it was ready. */
  ready: FeederReport;
  /** Writes lines as they are. */
  write(lines: readonly string[]): Promise<void>;
  /** Resolves with the next report `done: what`; rejects when the feeder complains or ends first. */
  done(what: string): Promise<FeederReport>;
  pid: number;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
}

/** Starts `program args` and waits until it is ready. */
export async function startFeeder(program: string, args: readonly string[]): Promise<FeederProcess> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const talk = listen(child);
  const ready = await talk.next((report) => report.ready !== undefined);
  return {
    ready,
    pid: child.pid ?? 0,
    async write(lines) {
      if (!child.stdin.write(lines.map((line) => `${line}\n`).join(''))) {
        await Promise.race([once(child.stdin, 'drain'), talk.ended]);
      }
    },
    done: (what) => talk.next((report) => report.done === what),
    async kill() {
      child.kill('SIGKILL');
      await talk.ended;
    },
  };
}

interface Waiting {
  isWanted(report: FeederReport): boolean;
  resolve(report: FeederReport): void;
  reject(error: Error): void;
}

function listen(child: ChildProcessWithoutNullStreams) {
  const waiting: Waiting[] = [];
  /** Reports that came before anybody asked for them: that the input is through, at most. */
  const unasked: FeederReport[] = [];
  let log = '';
  child.stdin.on('error', () => undefined); // the end of the process says more
  child.stderr.on('data', (chunk: Buffer) => {
    log = `${log}${chunk.toString()}`.slice(-LOG_CHARACTERS);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const report = JSON.parse(line) as FeederReport;
    if (report.error !== undefined) {
      rejectAll(new RigError(`The Hubble feeder: ${report.error}`));
      return;
    }
    const index = waiting.findIndex(({ isWanted }) => isWanted(report));
    if (index === -1) {
      unasked.push(report);
    } else {
      waiting.splice(index, 1)[0]?.resolve(report);
    }
  });

  function rejectAll(error: Error): void {
    for (const one of waiting.splice(0)) {
      one.reject(error);
    }
  }

  const ended = new Promise<void>((resolve) => {
    const end = (what: string) => {
      rejectAll(new RigError(`The Hubble feeder ended ${what}\n${log}`.trim()));
      resolve();
    };
    child.once('error', (error) => end(`before it began: ${error.message}`));
    child.once('close', (code, signal) => end(`with ${signal ?? code}`));
  });
  return {
    ended,
    next: (isWanted: Waiting['isWanted']) =>
      new Promise<FeederReport>((resolve, reject) => {
        const index = unasked.findIndex(isWanted);
        const [report] = unasked.splice(index, index === -1 ? 0 : 1);
        if (report !== undefined) {
          resolve(report);
        } else if (child.exitCode !== null || child.signalCode !== null) {
          reject(new RigError(`The Hubble feeder has ended\n${log}`.trim()));
        } else {
          waiting.push({ isWanted, resolve, reject });
        }
      }),
  };
}

const LOG_CHARACTERS = 4_000;
