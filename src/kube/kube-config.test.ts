import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadKubeConfig } from './kube-config.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-kubeconfig-'));
  // No file of the person who runs the tests may be looked at.
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('HOME', folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const CONFIG = `
apiVersion: v1
kind: Config
current-context: one
clusters:
  - {name: c1, cluster: {server: https://192.0.2.1:6443}}
  - {name: c2, cluster: {server: https://192.0.2.2:6443}}
users: [{name: u, user: {token: t}}]
contexts:
  - {name: one, context: {cluster: c1, user: u}}
  - {name: two, context: {cluster: c2, user: u, namespace: agents}}
`;

describe('loadKubeConfig', () => {
  it('takes the file it is given', () => {
    const path = write('given', CONFIG);
    expect(loadKubeConfig({ path })).toMatchObject({
      origin: `file ${path}`,
      server: 'https://192.0.2.1:6443',
      namespace: 'default',
    });
  });

  it('takes the context it is given, with its namespace', () => {
    const loaded = loadKubeConfig({ path: write('given', CONFIG), context: 'two' });
    expect(loaded).toMatchObject({ server: 'https://192.0.2.2:6443', namespace: 'agents' });
  });

  it('takes the file of the variable', () => {
    const path = write('variable', CONFIG);
    vi.stubEnv('KUBECONFIG', path);
    expect(loadKubeConfig({ fromEnvironment: path }).server).toBe('https://192.0.2.1:6443');
  });

  it.each([
    ['no cluster anywhere', () => ({}), /no cluster found in the default kubeconfig: give --kubeconfig FILE/],
    [
      'a context that is not there',
      () => ({ path: write('a', CONFIG), context: 'three' }),
      /a has no context "three", only one, two$/,
    ],
    ['a file that is not there', () => ({ path: join(folder, 'none') }), /none cannot be read as a kubeconfig: ENOENT/],
    ['a file that is no YAML', () => ({ path: write('b', '{') }), /b cannot be read as a kubeconfig/],
    ['an empty file', () => ({ path: write('c', '') }), /c cannot be read as a kubeconfig/],
  ])('says what is wrong with %s', (_name, choice, message) => {
    expect(() => loadKubeConfig(choice())).toThrow(message);
  });
});
