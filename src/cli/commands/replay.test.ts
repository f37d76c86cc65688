import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../main.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'replay-'));
  await writeFile(path.join(folder, 'sandbox.yaml'), sandbox('agents', 'namespace: agents'));
  await writeFile(path.join(folder, 'nowhere.yaml'), sandbox('nowhere', ''));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

interface Outcome {
  code: number;
  out: string;
  err: string;
}

async function replay(args: readonly string[], { stdin = '', color = false } = {}): Promise<Outcome> {
  const stdout = new PassThrough({ highWaterMark: 1 << 24 });
  const stderr = new PassThrough();
  const code = await run(['replay', ...args], {
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout,
    stderr,
    env: {},
    cwd: folder,
    color,
    signal: new AbortController().signal,
    setExitCode: () => {},
  });
  stdout.end();
  stderr.end();
  return { code, out: await text(stdout), err: await text(stderr) };
}

async function write(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(path.join(folder, name), content);
  return name;
}

function sandbox(name: string, namespace: string, selector = 'podSelector: {matchLabels: {app: agent}}'): string {
  return `apiVersion: bulkhead.dev/v1alpha1\nkind: AgentSandbox\nmetadata: {name: ${name}${namespace === '' ? '' : `, ${namespace}`}}\nspec: {selector: {${selector}}}\n`;
}

const T0 = Date.parse('2026-03-01T12:00:00.000Z');

interface Told {
  atMs: number;
  port: number;
  pod?: string;
  namespace?: string;
  labels?: readonly string[];
  workload?: { name: string; kind: string };
  reply?: boolean;
}

/** One line as Hubble prints it: a SYN of a pod to a port inside, or the RST it gets. */
function line(told: Told): string {
  const { atMs, port, pod, namespace, labels, workload, reply } = { ...ORDINARY, ...told };
  const own = { ID: 7, namespace, pod_name: pod, labels, workloads: workload === undefined ? [] : [workload] };
  const other = { ID: 9, namespace: 'platform', pod_name: 'vault', labels: ['k8s:app=vault'] };
  const time = new Date(T0 + atMs).toISOString();
  const there = {
    IP: { source: '10.0.0.5', destination: '10.0.0.9', ipVersion: 'IPv4' },
    l4: { TCP: { source_port: 40_000, destination_port: port, flags: { SYN: true } } },
    source: own,
    destination: other,
    trace_reason: 'NEW',
  };
  const back = {
    IP: { source: '10.0.0.9', destination: '10.0.0.5', ipVersion: 'IPv4' },
    l4: { TCP: { source_port: port, destination_port: 40_000, flags: { RST: true, ACK: true } } },
    source: other,
    destination: own,
    trace_reason: 'REPLY',
  };
  const flow = {
    time,
    uuid: `${namespace}-${pod}-${port}-${reply}`,
    verdict: 'FORWARDED',
    ...(reply ? back : there),
    Type: 'L3_L4',
    node_name: 'node-1',
    event_type: { type: 4 },
    traffic_direction: 'EGRESS',
    is_reply: reply,
  };
  return `${JSON.stringify({ flow, node_name: 'node-1', time })}\n`;
}

const ORDINARY = {
  pod: 'agent-0',
  namespace: 'agents',
  labels: ['k8s:app=agent'],
  workload: undefined,
  reply: false,
};

/** A port scan that everybody refuses: 80 from two kinds of evidence, held by nothing that follows. */
function scan(over: Partial<Told> = {}): string {
  return Array.from({ length: 15 }, (_, index) => {
    const told = { ...over, atMs: (over.atMs ?? 0) + index * 100, port: 8000 + index };
    return line(told) + line({ ...told, atMs: told.atMs + 1, reply: true });
  }).join('');
}

function records(out: string): Record<string, unknown>[] {
  return out
    .split('\n')
    .filter((one) => one !== '')
    .map((one) => JSON.parse(one) as Record<string, unknown>);
}

describe('what it prints', () => {
  test('one JSON object a finding, with times of the flows, and a summary beside it', async () => {
    const { code, out, err } = await replay(['-f', 'sandbox.yaml', '--flows', '-', '-o', 'ndjson'], { stdin: scan() });
    expect(code).toBe(0);
    const [finding, ...others] = records(out);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      detector: 'InternalProbing',
      namespace: 'agents',
      pod: 'agent-0',
      sandbox: 'agents',
      key: 'InternalProbing/agents/agent-0/scan',
      score: 80,
      podScore: 80,
      severity: 'High',
      action: 'quarantine',
      raisedAt: '2026-03-01T12:00:31.400Z',
      firstSeen: '2026-03-01T12:00:00.401Z',
      lastSeen: '2026-03-01T12:00:01.401Z',
      target: '10.0.0.0/24',
      attack: ['T1046', 'T1018', 'T1613'],
      degraded: false,
    });
    expect(Object.keys(finding ?? {}).sort()).toEqual(FIELDS);
    expect(err).toBe('30 flows read, 30 of them of 1 pod of 1 sandbox; 1 finding (1 quarantine)\n');
  });

  test('a table with reasons, coloured only for a terminal', async () => {
    const plain = await replay(['-f', 'sandbox.yaml', '--flows', '-'], { stdin: scan() });
    expect(plain.out).toMatch(/^#\s+RAISED\s+POD\s+DETECTOR\s+ACTION/);
    expect(plain.out).toContain('agents/agent-0');
    expect(plain.out).toMatch(/1 {2}10\.0\.0\.0\/24: 15 first contacts failed/);
    expect(plain.out).not.toContain('\u001b');
    const coloured = await replay(['-f', 'sandbox.yaml', '--flows', '-'], { stdin: scan(), color: true });
    expect(coloured.out).toContain('\u001b[31m1');
  });

  test('nothing for what stays below watch, and says so', async () => {
    const { code, out } = await replay(['-f', 'sandbox.yaml', '--flows', '-'], { stdin: line({ atMs: 0, port: 80 }) });
    expect({ code, out }).toEqual({ code: 0, out: 'No findings.\n' });
  });

  test('findings in the order in which they were raised', async () => {
    const stdin = scan({ atMs: 10_000, pod: 'agent-1' }) + scan({ pod: 'agent-0' });
    const { out } = await replay(['-f', 'sandbox.yaml', '--flows', '-', '-o', 'ndjson'], { stdin });
    expect(records(out).map(({ pod }) => pod)).toEqual(['agent-0', 'agent-1']);
  });
});

describe('--fail-on', () => {
  const almost = scan().split('\n').slice(0, 10).join('\n');
  test.each([
    ['quarantine', scan(), 1],
    ['restrict', scan(), 1],
    ['alert', almost, 1],
    ['restrict', almost, 0],
    ['alert', line({ atMs: 0, port: 80 }), 0],
  ])('%s', async (level, stdin, code) => {
    const outcome = await replay(['-f', 'sandbox.yaml', '--flows', '-', '--fail-on', level], { stdin });
    expect(outcome.code).toBe(code);
    expect(outcome.out).not.toBe('');
  });
});

describe('which pods', () => {
  const found = async (file: string, stdin: string, ...args: string[]) =>
    records((await replay(['-f', file, '--flows', '-', '-o', 'ndjson', ...args], { stdin })).out).map(
      ({ namespace, sandbox: name }) => `${String(namespace)} ${String(name)}`,
    );

  test('those of the sandbox’s namespace with its labels', async () => {
    expect(await found('sandbox.yaml', scan())).toEqual(['agents agents']);
    expect(await found('sandbox.yaml', scan({ namespace: 'other' }))).toEqual([]);
    expect(await found('sandbox.yaml', scan({ labels: ['k8s:app=web'] }))).toEqual([]);
    expect(await found('sandbox.yaml', scan({ labels: ['container:app=agent'] }))).toEqual([]);
  });

  test('of every namespace when the sandbox names none, unless -n does', async () => {
    expect(await found('nowhere.yaml', scan({ namespace: 'other' }))).toEqual(['other nowhere']);
    expect(await found('nowhere.yaml', scan({ namespace: 'other' }), '-n', 'other')).toEqual(['other nowhere']);
    expect(await found('nowhere.yaml', scan({ namespace: 'other' }), '-n', 'agents')).toEqual([]);
  });

  test('by the label that Bulkhead puts on pods', async () => {
    expect(await found('sandbox.yaml', scan({ labels: ['k8s:bulkhead.dev/sandbox=agents'] }))).toEqual([
      'agents agents',
    ]);
  });

  test('by workload, for a targetRef', async () => {
    const file = await write(
      'target.yaml',
      sandbox('job', 'namespace: agents', 'targetRef: {group: apps, kind: StatefulSet, name: rollout}'),
    );
    expect(await found(file, scan({ workload: { kind: 'StatefulSet', name: 'rollout' } }))).toEqual(['agents job']);
    expect(await found(file, scan({ workload: { kind: 'StatefulSet', name: 'other' } }))).toEqual([]);
  });

  test('an owner that flows do not name is said to be beyond a replay', async () => {
    const file = await write(
      'claim.yaml',
      sandbox('claim', '', 'targetRef: {group: extensions.agents.x-k8s.io, kind: SandboxClaim, name: a}'),
    );
    const { err } = await replay(['-f', file, '--flows', '-'], { stdin: scan() });
    expect(err).toContain('note: claim selects by an owner that flows do not name');
  });

  test('when there are none, the ones that are there are named', async () => {
    const { code, err } = await replay(['-f', 'sandbox.yaml', '--flows', '-'], { stdin: scan({ namespace: 'other' }) });
    expect(code).toBe(0);
    expect(err).toContain(
      'note: no flow is of a pod that a sandbox selects by namespace and labels; pods seen: other/agent-0, platform/vault',
    );
  });

  test('that two sandboxes select belong to the first, and it is said', async () => {
    const file = await write(
      'two.yaml',
      `${sandbox('first', 'namespace: agents')}---\n${sandbox('second', 'namespace: agents')}`,
    );
    const { out, err } = await replay(['-f', file, '--flows', '-', '-o', 'ndjson'], { stdin: scan() });
    expect(records(out).map(({ sandbox: name }) => name)).toEqual(['first']);
    expect(err).toContain('note: agents/agent-0 is selected by first and second; the first counts');
  });
});

describe('several files of flows', () => {
  test('are read as one, by time, packed or not', async () => {
    const lines = scan().trimEnd().split('\n');
    const even = await write('even.jsonl', `${lines.filter((_, index) => index % 2 === 0).join('\n')}\n`);
    const odd = await write('odd.jsonl.gz', gzipSync(`${lines.filter((_, index) => index % 2 === 1).join('\n')}\n`));
    const whole = await replay(['-f', 'sandbox.yaml', '--flows', '-', '-o', 'ndjson'], { stdin: scan() });
    const halves = await replay(['-f', 'sandbox.yaml', '--flows', odd, even, '-o', 'ndjson']);
    expect(halves.out).toBe(whole.out);
    expect(halves.err).toBe(whole.err);
  });
});

describe('lines that are no flows', () => {
  test('are counted and shown, and do not stop it', async () => {
    const stdin = `${scan()}not json\n\u0000\u001b[31m\n{"flow":{"verdict":"DROPPED"}}\n{"a":1}\n${scan().slice(0, 100)}`;
    const { code, out, err } = await replay(['-f', 'sandbox.yaml', '--flows', '-', '-o', 'ndjson'], { stdin });
    expect(code).toBe(0);
    expect(records(out)).toHaveLength(1);
    expect(err).toContain('warning: standard input: 5 lines could not be decoded (line 31: not JSON; line 32:');
    expect(err).toMatch(/; …\)\n$/);
    expect(err).not.toContain('\u001b');
  });

  test('flows twice count once', async () => {
    const { out, err } = await replay(['-f', 'sandbox.yaml', '--flows', '-', '-o', 'ndjson'], {
      stdin: scan() + scan(),
    });
    expect(records(out)[0]).toMatchObject({ count: 1, score: 80 });
    expect(err).toContain('note: standard input: 30 flows twice, counted once');
  });

  test('a flow from the future is said to be one', async () => {
    const lines = scan().trimEnd().split('\n');
    const future = line({ atMs: 365 * 24 * 3_600_000, port: 9000, pod: 'agent-1' }).trimEnd();
    const { out, err } = await replay(['-f', 'sandbox.yaml', '--flows', '-', '-o', 'ndjson'], {
      stdin: [...lines.slice(0, 20), future, ...lines.slice(20)].join('\n'),
    });
    expect(err).toContain('note: 1 flow with a time far ahead of all others');
    expect(records(out)[0]).toMatchObject({ raisedAt: '2026-03-01T12:00:31.400Z' });
  });
});

describe('input that cannot be used ends with 2 and one sentence', () => {
  test.each<[string, () => Promise<string[]> | string[], string, string | undefined]>([
    ['no such file of flows', () => ['-f', 'sandbox.yaml', '--flows', 'missing.jsonl'], 'missing.jsonl', undefined],
    ['no such sandbox', () => ['-f', 'missing.yaml', '--flows', '-'], 'missing.yaml', undefined],
    ['a folder instead of flows', () => ['-f', 'sandbox.yaml', '--flows', '.'], 'cannot read flows', undefined],
    [
      'no sandbox in the file',
      async () => ['-f', await write('pod.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n'), '--flows', '-'],
      'no AgentSandbox in pod.yaml',
      undefined,
    ],
    [
      'an invalid sandbox',
      async () => [
        '-f',
        await write('bad.yaml', sandbox('bad', 'namespace: agents', 'podSelector: {}')),
        '--flows',
        '-',
      ],
      'nothing replayed',
      undefined,
    ],
    [
      'not one line that is a flow',
      () => ['-f', 'sandbox.yaml', '--flows', '-'],
      'no line of standard input could be decoded as a flow',
      'what\nis\nthis',
    ],
    [
      'binary',
      () => ['-f', 'sandbox.yaml', '--flows', '-'],
      'no line of standard input could be decoded as a flow',
      '\u0000\u0001\u0002\n\u0003',
    ],
    ['standard input for both', () => ['-f', '-', '--flows', '-'], 'can be read only once', undefined],
    [
      'a packed file that is cut short',
      async () => ['-f', 'sandbox.yaml', '--flows', await write('cut.jsonl.gz', gzipSync(scan()).subarray(0, 200))],
      'cannot read flows',
      undefined,
    ],
    ['an unknown rung', () => ['-f', 'sandbox.yaml', '--flows', '-', '--fail-on', 'watch'], 'watch', undefined],
    ['no flows named', () => ['-f', 'sandbox.yaml'], '--flows', undefined],
  ])('%s', async (_name, args, message, stdin) => {
    const { code, err } = await replay(await args(), { stdin: stdin ?? scan() });
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test('but an empty file is only empty', async () => {
    const { code, out, err } = await replay(['-f', 'sandbox.yaml', '--flows', '-'], { stdin: '' });
    expect({ code, out }).toEqual({ code: 0, out: 'No findings.\n' });
    expect(err).toContain('0 flows read');
  });
});

test('--help says how pods are matched, what is printed, and what the exit codes mean', async () => {
  const { code, out } = await replay(['--help']);
  expect(code).toBe(0);
  expect(out).toContain('takes pods of every\nnamespace, unless -n names one');
  expect(out).toContain('Exit codes: 0 replayed, 1 when --fail-on is met, 2');
});

const FIELDS = [
  'action',
  'atlas',
  'attack',
  'count',
  'degraded',
  'detector',
  'evidence',
  'explanation',
  'firstSeen',
  'flows',
  'key',
  'lastSeen',
  'namespace',
  'pod',
  'podScore',
  'raisedAt',
  'sandbox',
  'score',
  'severity',
  'target',
  'title',
];
