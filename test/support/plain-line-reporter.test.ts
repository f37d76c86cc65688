/** The last line of a run, from runs of the real test runner over small test files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { expect, it } from 'vitest';
import { CHECKOUT } from '../../hack/rig/folders.ts';
import { runProgram } from '../../hack/rig/run-program.ts';

const CONFIG = `
import { plainLineReporter } from ${JSON.stringify(join(import.meta.dirname, 'plain-line-reporter.ts'))};
export default { test: { globals: true, reporters: ['default', plainLineReporter()], maxWorkers: 1 } };`;
const PASSES = "it('passes', () => {});";
const FAILS = "it('fails', () => expect(1).toBe(2));";
const SKIPS = "it.skip('is skipped', () => {});";

async function lastLineOf(files: Record<string, string>): Promise<{ code: number; line: string | undefined }> {
  const root = mkdtempSync(join(tmpdir(), 'bulkhead-reporter-'));
  try {
    for (const [name, content] of Object.entries({ 'vitest.config.ts': CONFIG, ...files })) {
      writeFileSync(join(root, name), content);
    }
    const vitest = join(CHECKOUT, 'node_modules', 'vitest', 'vitest.mjs');
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
    const result = await runProgram(process.execPath, [vitest, 'run', '--root', root], { cwd: root, env });
    return { code: result?.code ?? -1, line: result?.stdout.trimEnd().split('\n').at(-1) };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

it.each([
  ['all passes', { 'a.test.ts': `${PASSES}${SKIPS}` }, 0, '1 passed, 0 failed, 1 skipped'],
  ['one fails', { 'a.test.ts': PASSES, 'b.test.ts': FAILS }, 1, '1 passed, 1 failed'],
  ['a file cannot be loaded', { 'a.test.ts': PASSES, 'b.test.ts': "import './missing.ts';" }, 1, '1 passed, 1 failed'],
  [
    'a hook after the tests fails',
    { 'a.test.ts': `${PASSES} afterAll(() => { throw new Error('late'); });` },
    1,
    '1 passed, 1 failed',
  ],
  [
    'an error belongs to no test',
    { 'a.test.ts': `${PASSES} void Promise.reject(new Error('loose'));` },
    1,
    '1 passed, 1 failed',
  ],
  ['there is no test', {}, 1, '0 passed, 1 failed'],
  ['every test is skipped', { 'a.test.ts': SKIPS }, 1, '0 passed, 1 failed, 1 skipped'],
])('when %s', { timeout: 60_000 }, async (_, files, code, line) => {
  expect(await lastLineOf(files)).toEqual({ code, line });
});
