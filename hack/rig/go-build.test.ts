/** How a build is cached, with a `go` that only writes down what it was asked. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type BuildOptions, buildGo, findBuild } from './go-build.ts';

const FAKE_GO = `#!/bin/sh
echo "$1 GOFLAGS=$GOFLAGS GOOS=$GOOS" >> "$LOG"
case "$1" in
  env) echo "$VERSION";;
  list) echo a; echo b;;
  build)
    while [ "$1" != -o ]; do shift; done
    printf half > "$2"; sleep 0.2
    [ -z "$BROKEN" ] || { echo 'main.go:1: broken' >&2; exit 1; }
    printf whole > "$2"
esac
`;

let folder: string;
let said: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-build-'));
  said = [];
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin', 'go'), FAKE_GO);
  chmodSync(join(folder, 'bin', 'go'), 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function environment(more: Record<string, string> = {}) {
  return {
    PATH: `${join(folder, 'bin')}:/usr/bin:/bin`,
    XDG_CACHE_HOME: folder,
    LOG: join(folder, 'log'),
    VERSION: 'go1.26.0',
    ...more,
  };
}

function build(more: Record<string, string> = {}, options: BuildOptions = {}): Promise<string> {
  const progress = { say: (text: string) => said.push(text), update: () => {} };
  return buildGo('controlplane', { env: environment(more), progress, ...options });
}

function calls(command: string): string[] {
  const log = join(folder, 'log');
  const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
  return lines.filter((line) => line.startsWith(`${command} `));
}

it('builds once, whoever asks and how many at once', async () => {
  const paths = await Promise.all([build(), build(), build()]);
  expect(new Set(paths).size).toBe(1);
  expect(readFileSync(await build(), 'utf8')).toBe('whole');
  expect(calls('build')).toHaveLength(1);
  expect(said).toContainEqual(expect.stringContaining('is building controlplane; waiting for it'));
});

it('builds again for another Go, and keeps what is there', async () => {
  const old = await build();
  const young = await build({ VERSION: 'go1.27.0' });
  expect(young).not.toBe(old);
  expect(await build()).toBe(old);
  expect(calls('build')).toHaveLength(2);
});

it('shows nothing of a build that failed, and says what the compiler said', async () => {
  await expect(build({ BROKEN: 'yes' })).rejects.toThrow('Building controlplane failed:\nmain.go:1: broken');
  expect(findBuild('controlplane', environment())).toBeUndefined();
  expect(readFileSync(await build(), 'utf8')).toBe('whole');
});

it('shows nothing of a build that was interrupted, and the next run builds', async () => {
  await expect(build({}, { signal: AbortSignal.timeout(100) })).rejects.toThrow();
  expect(readdirSync(join(folder, 'bulkhead', 'build')).filter((name) => name.includes('lock'))).toEqual([]);
  expect(readFileSync(await build(), 'utf8')).toBe('whole');
});

it("is not led astray by a person's own settings", async () => {
  await build({ GOFLAGS: '-mod=vendor -race', GOOS: 'plan9', GOWORK: '/elsewhere/go.work' });
  expect(calls('build')).toEqual([expect.stringContaining('GOFLAGS=-buildvcs=false GOOS=')]);
  expect(calls('build')[0]).not.toContain('plan9');
});

it('uses a finished build where Go has gone, and says what is missing where there is none', async () => {
  const path = await build();
  rmSync(join(folder, 'bin', 'go'));
  expect(await build({ PATH: join(folder, 'bin') })).toBe(path);
  rmSync(path);
  await expect(build({ PATH: join(folder, 'bin') })).rejects.toThrow(
    'Building controlplane needs Go 1.26 or newer on PATH; get it from https://go.dev/dl.',
  );
});

it('keeps a bounded number of builds', async () => {
  for (const version of ['go1.1', 'go1.2', 'go1.3', 'go1.4', 'go1.5']) {
    await build({ VERSION: version });
  }
  expect(readdirSync(join(folder, 'bulkhead', 'build'))).toHaveLength(3);
});
