/**
 * `npm run bench [-- NAME…]`: runs the benchmarks, or those named. They print; they assert nothing.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { benchEdits } from './edit-latency.ts';
import { benchQuarantine } from './quarantine-latency.ts';
import { print } from './report.ts';

const BENCHMARKS: Readonly<Record<string, () => Promise<void>>> = {
  edit: benchEdits,
  quarantine: benchQuarantine,
  engine: async () => script('engine.ts'),
};

/** A process of its own: what is measured is one core, with a heap that nothing else has filled. */
function script(name: string): void {
  spawnSync(process.execPath, [join(import.meta.dirname, name)], { stdio: 'inherit' });
}

const names = process.argv.slice(2);
const unknown = names.filter((name) => BENCHMARKS[name] === undefined);
if (unknown.length > 0) {
  print(`no benchmark ${unknown.join(', ')}; there are: ${Object.keys(BENCHMARKS).join(', ')}`);
  process.exitCode = 2;
} else {
  for (const [name, run] of Object.entries(BENCHMARKS)) {
    if (names.length === 0 || names.includes(name)) {
      await run();
    }
  }
}
