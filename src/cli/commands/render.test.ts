import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { run } from '../main.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'render-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

interface Outcome {
  code: number;
  out: string;
  err: string;
}

async function render(args: readonly string[], stdin = ''): Promise<Outcome> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const code = await run(['render', ...args], {
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout,
    stderr,
    env: {},
    cwd: folder,
    color: false,
    signal: new AbortController().signal,
    setExitCode: () => {},
  });
  stdout.end();
  stderr.end();
  return { code, out: await text(stdout), err: await text(stderr) };
}

async function write(name: string, content: string | Uint8Array): Promise<string> {
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
  await writeFile(path.join(folder, name), content);
  return name;
}

const sandbox = (name: string, egress = '', namespace = 'agents') => `apiVersion: bulkhead.dev/v1alpha1
kind: AgentSandbox
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  selector: {podSelector: {matchLabels: {app: ${name}}}}
${egress}`;
const allow = (peer: string) => `  egress: {allow: [{name: out, to: [${peer}], ports: [{port: 443}]}]}\n`;
const namesIn = (yaml: string) =>
  parseAllDocuments(yaml).map((document) => {
    const { kind, metadata } = document.toJS() as { kind: string; metadata: { name: string } };
    return `${kind}/${metadata.name}`;
  });

describe('input', () => {
  test('a file', async () => {
    const { code, out, err } = await render(['-f', await write('one.yaml', sandbox('rome'))]);
    expect({ code, err, names: namesIn(out) }).toEqual({
      code: 0,
      err: '',
      names: ['NetworkPolicy/bulkhead-rome-floor', 'NetworkPolicy/bulkhead-rome'],
    });
  });

  test('standard input', async () => {
    const { code, out } = await render(['-f', '-'], sandbox('rome'));
    expect(code).toBe(0);
    expect(namesIn(out)).toContain('NetworkPolicy/bulkhead-rome');
  });

  test('a folder and all below it, without hidden and kustomization files', async () => {
    await write('tree/b.yml', sandbox('b'));
    await write('tree/deep/a.json', JSON.stringify(parseAllDocuments(sandbox('a'))[0]?.toJS()));
    await write('tree/.git/hidden.yaml', sandbox('hidden'));
    await write('tree/kustomization.yaml', 'resources: [b.yml]');
    await write('tree/notes.txt', 'not a manifest');
    const { code, out } = await render(['-f', 'tree']);
    expect(code).toBe(0);
    expect(namesIn(out).filter((name) => !name.endsWith('-floor'))).toEqual([
      'NetworkPolicy/bulkhead-a',
      'NetworkPolicy/bulkhead-b',
    ]);
  });

  test('the order of files makes no difference to the bytes', async () => {
    const files = [await write('x.yaml', sandbox('x')), await write('y.yaml', sandbox('y'))] as const;
    const one = await render(['-f', files[0], '-f', files[1]]);
    const other = await render(['-f', files[1], files[0]]);
    expect(other.out).toBe(one.out);
  });

  test('a file named twice, by itself and by its folder, is read once', async () => {
    await write('twice/a.yaml', sandbox('a'));
    expect((await render(['-f', 'twice/a.yaml', '-f', 'twice'])).code).toBe(0);
  });

  test('a Service among the files is known to the rules', async () => {
    const service = `---
apiVersion: v1
kind: Service
metadata: {name: model, namespace: agents}
spec: {selector: {app: vllm}, ports: [{port: 443, targetPort: 8443}]}
`;
    const { out, err } = await render(['-f', '-'], sandbox('rome', allow('{service: {name: model}}')) + service);
    expect(err).toBe('');
    expect(out).toContain('port: 8443');
  });
});

describe('output', () => {
  test('JSON is one List', async () => {
    const { out } = await render(['-f', '-', '-o', 'json'], sandbox('rome'));
    const list = JSON.parse(out) as { kind: string; items: unknown[] };
    expect(list.kind).toBe('List');
    expect(list.items).toHaveLength(2);
  });

  test('--engine cilium adds what NetworkPolicy cannot say', async () => {
    const { out } = await render(['-f', '-', '--engine', 'cilium'], sandbox('rome', allow('{fqdn: api.example.com}')));
    expect(namesIn(out)).toContain('CiliumNetworkPolicy/bulkhead-rome');
    expect(out).toContain('matchName: api.example.com');
  });

  test('what stays denied is a warning with file, sandbox and field', async () => {
    const file = await write('gap.yaml', sandbox('rome', allow('{fqdn: api.example.com}')));
    const { code, err } = await render(['-f', file]);
    expect(code).toBe(0);
    expect(err).toMatch(/^warning: gap\.yaml agents\/rome spec\.egress\.allow\[out\]\.to\[0\]\.fqdn: .+\n$/);
  });

  test('--strict turns a warning into exit code 1 and still prints', async () => {
    const { code, out } = await render(['-f', '-', '--strict'], sandbox('rome', allow('{fqdn: api.example.com}')));
    expect(code).toBe(1);
    expect(namesIn(out)).toHaveLength(2);
    expect((await render(['-f', '-', '--strict'], sandbox('rome'))).code).toBe(0);
  });

  test('addresses of the cluster are cut out', async () => {
    const args = [
      '-f',
      '-',
      '--api-server-address',
      '198.51.100.10',
      '--node-address',
      '198.51.100.20',
      '2001:db8::20',
    ];
    const { out } = await render(args, sandbox('rome', allow("{cidr: 0.0.0.0/0}, {cidr: '::/0'}")));
    for (const address of ['198.51.100.10/32', '198.51.100.20/32', '2001:db8::20/128']) {
      expect(out).toContain(`- ${address}\n`);
    }
  });

  test('a sandbox without namespace gets the one asked for', async () => {
    const { out } = await render(['-f', '-', '-n', 'lab'], sandbox('rome').replace(', namespace: agents', ''));
    expect(out).toContain('namespace: lab');
  });

  test('Observe has no policies, which is said', async () => {
    const { code, out, err } = await render(['-f', '-'], `${sandbox('rome')}  mode: Observe\n`);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toBe('note: standard input agents/rome: mode Observe blocks nothing, so it has no policies\n');
  });
});

describe('bad input exits with 2, says what is wrong and prints nothing', () => {
  test.each<[string, string, RegExp]>([
    ['malformed YAML', 'a: [', /standard input/],
    ['an unknown field', `${sandbox('rome')}  egres: {}\n`, /spec\.egres: unknown field/],
    ['an empty selector', sandbox('rome').replace('{matchLabels: {app: rome}}', '{}'), /empty selector/],
    ['host bits', sandbox('rome', allow('{cidr: 10.0.0.1/8}')), /to\[0\]\.cidr.*10\.0\.0\.1\/8.*host bits/],
    ['port 0', sandbox('rome', allow('{cidr: 203.0.113.0/24}').replace('443', '0')), /ports\[0\]\.port: 0.*at least 1/],
    ['a version that is not known', sandbox('rome').replace('v1alpha1', 'v9'), /apiVersion.*v9.*v1alpha1/],
    [
      'the same sandbox twice',
      `${sandbox('rome')}---\n${sandbox('rome')}`,
      /agents\/rome is in standard input already/,
    ],
    [
      'no AgentSandbox at all',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n',
      /no AgentSandbox among 1 object/,
    ],
    ['nothing', '', /no AgentSandbox/],
  ])('%s', async (_what, stdin, message) => {
    const { code, out, err } = await render(['-f', '-'], stdin);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
    expect(err).not.toContain('    at ');
  });

  test('one invalid sandbox among valid ones: nothing is rendered', async () => {
    const { code, out } = await render(['-f', '-'], `${sandbox('rome')}---\n${sandbox('b')}  nope: 1\n`);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });

  test('too many rules', async () => {
    const rules = Array.from(
      { length: 10_000 },
      (_, n) => `{name: r${n}, to: [{cidr: 203.0.113.0/24}], ports: [{port: 1}]}`,
    );
    const { code, err } = await render(['-f', '-'], sandbox('rome', `  egress: {allow: [${rules.join(', ')}]}\n`));
    expect(code).toBe(2);
    expect(err).toMatch(/10000 items, at most 128/);
  });

  test.each([
    ['a file that is not there', ['-f', 'missing.yaml'], /cannot read missing\.yaml: no such file or folder/],
    ['no input named', [], /required option/],
    ['an unknown engine', ['-f', '-', '--engine', 'calico'], /Allowed choices are kubernetes, cilium/],
    ['an unknown output', ['-f', '-', '-o', 'table'], /Allowed choices are yaml, json/],
    ['a node by name', ['-f', '-', '--node-address', 'node-1'], /--node-address: "node-1" is not an IP address/],
    ['standard input twice', ['-f', '-', '-f', '-'], /only once/],
  ])('%s', async (_what, args, message) => {
    const { code, out, err } = await render(args, sandbox('rome'));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  });

  test('a binary file', async () => {
    const { code, err } = await render(['-f', await write('binary.yaml', Uint8Array.from([0xff, 0xfe, 0x00]))]);
    expect(code).toBe(2);
    expect(err).toMatch(/binary\.yaml is not UTF-8 text/);
  });

  test('a file name with control characters is shown harmlessly', async () => {
    const { err } = await render(['-f', 'a\u001b[31mb.yaml']);
    expect(err).toContain('a\\u{1b}[31mb.yaml');
  });
});
