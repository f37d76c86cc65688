import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readKubeconfig, writeKubeconfig } from './kubeconfig.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-kubeconfig-'));
  path = join(folder, 'config');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('reads back what it writes, which nobody else may read', () => {
  writeKubeconfig(path, { server: 'https://127.0.0.1:6443', caPem: 'a CA', token: 'secret' }, 'admin');
  expect(readKubeconfig(path)).toMatchObject({ server: 'https://127.0.0.1:6443', caPem: 'a CA', token: 'secret' });
  expect(statSync(path).mode & 0o077).toBe(0);
});

const file = (user: string, current = 'b') => `
current-context: ${current}
contexts:
  - {name: a, context: {cluster: a, user: a}}
  - {name: b, context: {cluster: b, user: b}}
clusters:
  - {name: a, cluster: {server: 'https://a'}}
  - {name: b, cluster: {server: 'https://b', certificate-authority: ca.pem}}
users:
  - {name: a, user: {token: a}}
  - {name: b, user: ${user}}
`;

it('reads the current context, with files beside it and data inside it', () => {
  writeFileSync(join(folder, 'ca.pem'), 'CA of b');
  const key = Buffer.from('key of b').toString('base64');
  writeFileSync(path, file(`{client-key-data: ${key}}`));
  expect(readKubeconfig(path)).toMatchObject({
    server: 'https://b',
    caPem: 'CA of b',
    clientKeyPem: 'key of b',
    token: undefined,
  });
});

it.each([
  ['no current context', file('{}', 'gone'), 'no current context'],
  ['nothing in it', '', 'no current context'],
  ['a login plugin', file('{exec: {command: aws}}'), 'logs in through a plugin'],
  ['no YAML', '{', 'cannot be read'],
])('refuses a file with %s', (_, content, message) => {
  writeFileSync(path, content);
  expect(() => readKubeconfig(path)).toThrow(message);
});
