/**
 * `npm run bench [-- NAME…]`: runs the benchmarks, or those named. They print; they assert nothing.
 */
import process from 'node:process';
import { benchEdits } from './edit-latency.ts';
import { benchQuarantine } from './quarantine-latency.ts';
import { print } from './report.ts';

const BENCHMARKS: Readonly<Record<string, () => Promise<void>>> = {
  edit: benchEdits,
  quarantine: benchQuarantine,
};

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
