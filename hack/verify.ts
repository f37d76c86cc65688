/**
 * `npm run verify`: everything that can be checked without running the program, in the order in which a failure explains
 * most. It runs all checks even when one fails, and changes no file but generated ones, whose change is a failure.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const CHECKOUT = join(import.meta.dirname, '..');

/** npm scripts. Generating is last, since it writes. */
const CHECKS = ['typecheck', 'format:check', 'lint', 'generate'];

const before = changesIn(CHECKOUT);
const failed = CHECKS.filter((script) => !passes(script));
const stale = [...changesIn(CHECKOUT)].filter(([path, content]) => before.get(path) !== content).map(([path]) => path);
if (stale.length > 0) {
  process.stdout.write(
    `verify: generated files were stale; commit them as \`npm run generate\` wrote them:\n  ${stale.join('\n  ')}\n`,
  );
  failed.push('generated files');
}
process.stdout.write(failed.length === 0 ? 'verify: all checks passed\n' : `verify: failed: ${failed.join(', ')}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;

function passes(script: string): boolean {
  process.stdout.write(`verify: ${script}\n`);
  const { status } = spawnSync('npm', ['run', '--silent', script], {
    cwd: CHECKOUT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return status === 0;
}

/** What differs from the last commit: path to a hash of the content. What a person is working on stays out of it. */
function changesIn(folder: string): Map<string, string> {
  const { stdout } = spawnSync('git', ['status', '--porcelain', '--no-renames', '--untracked-files=all', '-z'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const paths = stdout
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => entry.slice(3));
  return new Map(paths.map((path) => [path, hashOf(join(folder, path))]));
}

function hashOf(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return 'deleted';
    }
    throw error;
  }
}
