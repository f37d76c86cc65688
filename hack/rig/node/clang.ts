/** Finds a compiler that Cilium's BPF programs compile with, and the names by which the agent calls it. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Environment } from '../folders.ts';
import { runProgram } from '../run-program.ts';

/** What the agent calls, by plain names. */
const NAMES = ['clang', 'llc', 'llvm-objcopy', 'llvm-strip'];
const OLDEST = [18, 1] as const;
/** Newer ones are tried first, the plain name last: Debian 12's is 14. */
const SUFFIXES = ['-21', '-20', '-19', '-18', ''];

/** Programs by the agent's names for them; undefined when the machine has none that is new enough. */
export async function bpfTools(env: Environment): Promise<Record<string, string> | undefined> {
  for (const suffix of SUFFIXES) {
    const tools = Object.fromEntries(
      NAMES.flatMap((name) => {
        const path = findProgram(`${name}${suffix}`, env);
        return path === undefined ? [] : [[name, path]];
      }),
    );
    if (NAMES.every((name) => name in tools) && (await isNewEnough(tools['clang'] ?? ''))) {
      return tools;
    }
  }
  return undefined;
}

function findProgram(name: string, env: Environment): string | undefined {
  const folders = (env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

async function isNewEnough(clang: string): Promise<boolean> {
  const answer = await runProgram(clang, ['--version']);
  return isRecentClang(answer?.stdout ?? '');
}

/** Whether what `clang --version` prints names a version that is new enough. */
export function isRecentClang(text: string): boolean {
  const [, major = '0', minor = '0'] = /version (\d+)\.(\d+)/.exec(text) ?? [];
  const [oldestMajor, oldestMinor] = OLDEST;
  return Number(major) > oldestMajor || (Number(major) === oldestMajor && Number(minor) >= oldestMinor);
}
