import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { goodPod, type LoosePod } from '../../../test/support/pods.ts';
import { run } from '../main.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'check-'));
  await write('sandbox.yaml', sandbox());
  await write('good.yaml', stringify(goodPod()));
  await write('bad.yaml', stringify(badPod()));
});
afterAll(() => rm(folder, { recursive: true }));

async function check(args: readonly string[], stdin: string | Buffer = '') {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await run(['check', ...args], {
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

async function write(name: string, content: string | Buffer): Promise<void> {
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
  await writeFile(path.join(folder, name), content);
}

const sandbox = (spec = '', name = 'trainers', namespace = 'team-a') => `apiVersion: bulkhead.dev/v1alpha1
kind: AgentSandbox
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  selector: {podSelector: {matchLabels: {app: trainer}}}
${spec}`;

function badPod(): LoosePod {
  const pod = goodPod();
  pod.metadata.name = 'trainer-1';
  pod.spec.hostNetwork = true;
  pod.spec.containers[0].securityContext.privileged = true;
  return pod;
}

const SANDBOX = ['-f', 'sandbox.yaml'];

describe('bulkhead check', () => {
  it('exits 0 when the pod would be admitted', async () => {
    expect(await check([...SANDBOX, 'good.yaml'])).toEqual({
      code: 0,
      out: 'admitted    Pod team-a/trainer-0 (good.yaml) by AgentSandbox team-a/trainers\n\n1 admitted\n',
      err: '',
    });
  });

  it('exits 1 when a pod would be refused, with field, rule and remedy of each violation', async () => {
    const { code, out } = await check([...SANDBOX, 'good.yaml', 'bad.yaml']);
    expect(code).toBe(1);
    expect(out.split('\n')).toEqual([
      expect.stringMatching(/^admitted +Pod team-a\/trainer-0/),
      expect.stringMatching(/^refused +Pod team-a\/trainer-1 \(bad\.yaml\) by AgentSandbox team-a\/trainers$/),
      expect.stringMatching(/^ +\[HostNamespaces\] spec\.hostNetwork is true: .*\. Leave spec\.hostNetwork out\.$/),
      expect.stringMatching(
        /^ +\[Privileged\] spec\.containers\[0\]\.securityContext\.privileged is true: .*\. Set it to false/,
      ),
      '',
      '1 admitted, 1 refused',
      '',
    ]);
  });

  it('judges the pod as the webhook would have changed it', async () => {
    const pod = goodPod();
    delete pod.spec.automountServiceAccountToken;
    delete pod.spec.securityContext.seccompProfile;
    expect((await check([...SANDBOX, '-'], stringify(pod))).code).toBe(0);
  });

  it.each([
    ['Deployment', 'apps/v1', ['spec', 'template']],
    ['StatefulSet', 'apps/v1', ['spec', 'template']],
    ['DaemonSet', 'apps/v1', ['spec', 'template']],
    ['ReplicaSet', 'apps/v1', ['spec', 'template']],
    ['ReplicationController', 'v1', ['spec', 'template']],
    ['Job', 'batch/v1', ['spec', 'template']],
    ['CronJob', 'batch/v1', ['spec', 'jobTemplate', 'spec', 'template']],
  ])('judges a %s by its pod template', async (kind, apiVersion, fields) => {
    const { metadata, spec } = badPod();
    const template = { metadata: { labels: metadata.labels }, spec };
    const body = fields.reduceRight<object>((inner, field) => ({ [field]: inner }), template);
    const workload = { apiVersion, kind, metadata: { name: 'w', namespace: 'team-a' }, ...body };
    const { code, out } = await check([...SANDBOX, '-'], stringify(workload));
    expect(code).toBe(1);
    expect(out).toContain(`refused     ${kind} team-a/w (standard input)`);
    expect(out).toContain(`[HostNamespaces] ${fields.join('.')}.spec.hostNetwork is true`);
  });

  it('says so when no sandbox selects the pod, and fails only when asked to', async () => {
    const pod = badPod();
    pod.metadata.labels = { app: 'web' };
    const { code, out } = await check([...SANDBOX, '-'], stringify(pod));
    expect(code).toBe(0);
    expect(out).toMatch(/^ungoverned +Pod .*\n +no AgentSandbox .* admitted unguarded\.\n\n1 ungoverned\n$/);
    expect((await check([...SANDBOX, '--require-match', '-'], stringify(pod))).code).toBe(1);
  });

  it('takes sandboxes of the pod’s own namespace alone', async () => {
    const pod = badPod();
    pod.metadata.namespace = 'team-b';
    expect((await check([...SANDBOX, '-'], stringify(pod))).out).toMatch(/^ungoverned/);
    delete pod.metadata.namespace;
    expect((await check([...SANDBOX, '-'], stringify(pod))).out).toMatch(/^ungoverned/);
    expect((await check([...SANDBOX, '-n', 'team-a', '-'], stringify(pod))).out).toMatch(/^refused/);
  });

  it('exits 0 in mode Observe and says what Enforce would refuse', async () => {
    await write('observe.yaml', sandbox('  mode: Observe'));
    const { code, out } = await check(['-f', 'observe.yaml', 'bad.yaml']);
    expect(code).toBe(0);
    expect(out).toMatch(/^observed +Pod .*\n +would refuse: \[HostNamespaces\]/);
  });

  it('refuses a pod that two sandboxes select, and everything in Lockdown', async () => {
    await write('second.yaml', sandbox('', 'others'));
    const two = await check([...SANDBOX, '-f', 'second.yaml', 'good.yaml']);
    expect(two.code).toBe(1);
    expect(two.out).toMatch(/AgentSandboxes others and trainers select this pod/);
    await write('lockdown.yaml', sandbox('  mode: Lockdown'));
    const lockdown = await check(['-f', 'lockdown.yaml', 'good.yaml']);
    expect(lockdown.code).toBe(1);
    expect(lockdown.out).toMatch(/Lift it with: kubectl/);
  });

  it('prints JSON for programs', async () => {
    const { code, out } = await check([...SANDBOX, '-o', 'json', 'good.yaml', 'bad.yaml']);
    expect(code).toBe(1);
    const { pods, summary } = JSON.parse(out);
    expect(summary).toEqual({ admitted: 1, refused: 1, observed: 0, ungoverned: 0 });
    expect(pods).toMatchObject([
      { verdict: 'admitted', kind: 'Pod', namespace: 'team-a', name: 'trainer-0', file: 'good.yaml', violations: [] },
      {
        verdict: 'refused',
        sandboxes: ['AgentSandbox team-a/trainers'],
        reasons: ['HostNamespaces', 'Privileged'],
        violations: [
          { check: 'HostNamespaces', field: 'spec.hostNetwork', value: 'true' },
          { check: 'Privileged', containers: ['main'] },
        ],
      },
    ]);
  });

  it('reads folders, and finds sandboxes and pods in the same one', async () => {
    await write('all/sandbox.yaml', sandbox());
    await write('all/pods/a.yaml', `${stringify(goodPod())}---\n${stringify(badPod())}`);
    await write('all/notes.txt', 'not a manifest');
    const { code, out } = await check(['-f', 'all', 'all']);
    expect([code, out.split('\n').at(-2)]).toEqual([1, '1 admitted, 1 refused']);
  });

  it('shows what a file calls itself without letting it act on the terminal', async () => {
    const pod = badPod();
    pod.metadata.name = '\u001b[2Jx';
    const { out } = await check([...SANDBOX, '-'], stringify(pod));
    expect(out).not.toContain('\u001b');
  });
});

describe('bulkhead check exits 2, prints nothing and says why:', () => {
  it.each<[string, string[], string | Buffer, RegExp]>([
    ['no sandbox named', ['good.yaml'], '', /--filename/],
    ['no pod named', SANDBOX, '', /missing required argument/],
    ['a file that is not there', [...SANDBOX, 'absent.yaml'], '', /cannot read absent\.yaml: no such file/],
    ['standard input twice', ['-f', '-', '-'], '', /only once/],
    ['binary input', [...SANDBOX, '-'], Buffer.from([0xff, 0xfe, 0x00]), /not UTF-8/],
    ['malformed YAML', [...SANDBOX, '-'], 'kind: [', /standard input:1/],
    ['a sandbox with an unknown field', ['-f', '-', 'good.yaml'], sandbox('  mod: Enforce'), /spec\.mod/],
    ['no sandbox in the file', ['-f', 'good.yaml', 'good.yaml'], '', /no AgentSandbox in good\.yaml/],
    ['no pod in the file', [...SANDBOX, 'sandbox.yaml'], '', /no pod or workload in sandbox\.yaml/],
    ['one sandbox given twice', [...SANDBOX, '-f', '-', 'good.yaml'], sandbox(), /given twice/],
    [
      'a workload without template',
      [...SANDBOX, '-'],
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w}\nspec: {}',
      /spec\.template: .*is required/,
    ],
  ])('%s', async (_name, args, stdin, sentence) => {
    const { code, out, err } = await check(args, stdin);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(sentence);
  });
});
