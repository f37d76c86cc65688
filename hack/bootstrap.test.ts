/** The bootstrap as npm scripts run it, with an npm that only writes down what it was asked. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runProgram } from './rig/run-program.ts';

const FAKE_NPM = `#!/bin/sh
echo "$*" >> npm.log
case "$PATH" in *node_modules/.bin*) echo "runs on what it replaces" >> npm.log;; esac
sleep 0.3
mkdir -p node_modules/.bin
cp package-lock.json node_modules/.package-lock.json
ln -sf "$REAL_NODE" node_modules/.bin/node
`;
const LOCK = {
  packages: {
    '': { version: '1' },
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/elsewhere': { version: '1.0.0', optional: true },
  },
};

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bulkhead-bootstrap-'));
  mkdirSync(join(root, 'hack'));
  mkdirSync(join(root, 'bin'));
  for (const file of ['bootstrap.mjs', 'file-lock.mjs', 'process-identity.mjs']) {
    copyFileSync(join(import.meta.dirname, file), join(root, 'hack', file));
  }
  writeFileSync(join(root, 'bin', 'npm'), FAKE_NPM);
  chmodSync(join(root, 'bin', 'npm'), 0o755);
  write('package-lock.json', LOCK);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, content: unknown): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
}

async function bootstrap(path = `${join(root, 'node_modules/.bin')}:${join(root, 'bin')}:/usr/bin:/bin`) {
  const env = { PATH: path, REAL_NODE: process.execPath };
  const result = await runProgram(process.execPath, [join(root, 'hack', 'bootstrap.mjs')], { cwd: root, env });
  return result ?? expect.unreachable('node is there');
}

function npmRuns(): string[] {
  const log = join(root, 'npm.log');
  return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
}

const installed = (version: string) => ({
  packages: { 'node_modules/a': { ...LOCK.packages['node_modules/a'], version } },
});

it.each([
  ['nothing is installed', undefined, 1],
  ['an older version is installed', installed('0.9.0'), 1],
  ['an install was interrupted', '{"packages": {"node_mod', 1],
  ['a package is missing', { packages: {} }, 1],
  ['everything but what this platform has no use for is installed', installed('1.0.0'), 0],
])('when %s', async (_, record, runs) => {
  if (record !== undefined) {
    write('node_modules/.package-lock.json', record);
  }
  expect(await bootstrap()).toMatchObject({ code: 0, stdout: '' });
  expect(npmRuns()).toHaveLength(runs);
  expect(await bootstrap()).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(npmRuns()).toHaveLength(runs);
});

it('installs once when two runs start at once', async () => {
  const [one, two] = await Promise.all([bootstrap(), bootstrap()]);
  expect([one?.code, two?.code]).toEqual([0, 0]);
  expect(npmRuns()).toHaveLength(1);
});

it('never runs npm on the Node that npm is about to replace', async () => {
  await bootstrap();
  expect(npmRuns()).not.toContain('runs on what it replaces');
});

it.each([
  ['npm is missing', () => rmSync(join(root, 'bin', 'npm')), /^bulkhead: needs npm on PATH; [^\n]*nodejs\.org\.\n$/m],
  [
    'npm fails',
    () => writeFileSync(join(root, 'bin', 'npm'), '#!/bin/sh\necho no network >&2\nexit 3\n'),
    /no network\nbulkhead: could not install its dependencies: npm install ended with 3; [^\n]*\n$/,
  ],
])('says in one sentence that %s', async (_, spoil, message) => {
  spoil();
  const { code, stderr } = await bootstrap(join(root, 'bin'));
  expect(code).toBe(1);
  expect(stderr).toMatch(message);
  expect(stderr).not.toContain('    at ');
});
