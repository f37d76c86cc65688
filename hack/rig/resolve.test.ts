import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { resolveSource } from './resolve.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-resolve-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(path: string, content = ''): string {
  const whole = join(folder, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, content);
  chmodSync(whole, 0o755);
  return whole;
}

/** A machine that has the named things and nothing else. */
function machine(...has: ('kubeconfig' | 'assets' | 'go' | 'kind' | 'docker')[]) {
  const programs = { go: 'echo go1.26.0', kind: 'exit 0', docker: 'echo 27.0' };
  for (const [name, script] of Object.entries(programs)) {
    if (has.includes(name as keyof typeof programs)) {
      file(`bin/${name}`, `#!/bin/sh\n${script}\n`);
    }
  }
  return {
    PATH: join(folder, 'bin'),
    XDG_CACHE_HOME: folder,
    KUBECONFIG: file('production'),
    ...(has.includes('kubeconfig') && { BULKHEAD_KUBECONFIG: file('named') }),
    ...(has.includes('assets') && {
      KUBEBUILDER_ASSETS: dirname(file('assets/etcd') && file('assets/kube-apiserver')),
    }),
  };
}

it.each([
  ['a kubeconfig that is named wins over all', machine.bind(undefined, 'kubeconfig', 'assets', 'go'), false, 'named'],
  ['KUBEBUILDER_ASSETS win over what must be built', machine.bind(undefined, 'assets', 'go'), false, 'assets'],
  [
    'kind, where Docker answers, wins over a build of minutes',
    machine.bind(undefined, 'go', 'kind', 'docker'),
    false,
    'kind',
  ],
  ['kind without a Docker engine is of no use', machine.bind(undefined, 'go', 'kind'), false, 'build'],
  ['Go builds where nothing else is there', machine.bind(undefined, 'go'), false, 'build'],
  ['whoever breaks servers gets no named cluster', machine.bind(undefined, 'kubeconfig', 'go'), true, 'build'],
  ['whoever breaks servers gets no kind', machine.bind(undefined, 'go', 'kind', 'docker'), true, 'build'],
])('%s', async (_, env, own, kind) => {
  expect(await resolveSource({ env: env(), own })).toMatchObject({ kind });
});

it('takes the kubeconfig of an option before that of the environment', async () => {
  const kubeconfig = file('option');
  expect(await resolveSource({ env: machine('kubeconfig'), own: false, kubeconfig })).toEqual({
    kind: 'named',
    kubeconfigPath: kubeconfig,
  });
});

it('never takes the current context of whoever runs it', async () => {
  await expect(resolveSource({ env: machine(), own: false })).rejects.toThrow(
    'A control plane needs Go 1.26 or newer on PATH (https://go.dev/dl), or envtest binaries in KUBEBUILDER_ASSETS, or Docker with kind, or a cluster named by BULKHEAD_KUBECONFIG.',
  );
});

it.each([
  [
    'a named kubeconfig that is not there',
    { BULKHEAD_KUBECONFIG: '/nowhere/kubeconfig' },
    /nowhere.kubeconfig that was asked for cannot be read/,
  ],
  ['a Go that is too old', { TOO_OLD: 'yes' }, /requires go >= 1\.26\.0.*go\.dev.dl/],
])('says what is wrong with %s', async (_, more, message) => {
  const env = { ...machine('go'), ...more };
  file('bin/go', '#!/bin/sh\necho "go: go.mod requires go >= 1.26.0 (running go 1.22.1)" >&2; exit 1\n');
  await expect(resolveSource({ env, own: false })).rejects.toThrow(message);
});

it('says what is missing from KUBEBUILDER_ASSETS', async () => {
  const env = { ...machine(), KUBEBUILDER_ASSETS: dirname(file('half/etcd')) };
  const source = await resolveSource({ env, own: false });
  if (source.kind !== 'assets') {
    expect.unreachable(source.kind);
  }
  await expect(source.programs()).rejects.toThrow(/lacks .*half.kube-apiserver; /);
});
