/** How control planes begin and end: side by side, after a crash of the run that owns one, and by `npm run rig`. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, expect, it } from 'vitest';
import { identityOf } from '../../hack/process-identity.mjs';
import { startLocalControlPlane } from '../../hack/rig/control-plane.ts';
import { CHECKOUT } from '../../hack/rig/folders.ts';
import { isUp, readInstance, removeLeftOvers, serversOf } from '../../hack/rig/instance.ts';
import { runProgram } from '../../hack/rig/run-program.ts';

// Away from other runs on this machine, which would clean up what these tests leave behind on purpose.
const state = mkdtempSync(join(tmpdir(), 'bulkhead-rig-test-'));
const env = { ...process.env, XDG_STATE_HOME: state };
const servers = join(state, 'bulkhead', 'rig');

afterAll(async () => {
  await removeLeftOvers(env);
  rmSync(state, { recursive: true, force: true });
});

it('runs two side by side that know nothing of each other, and leaves no process of them', async () => {
  const [one, two] = await Promise.all([
    startLocalControlPlane({ name: 'one', env }),
    startLocalControlPlane({ name: 'two', env }),
  ]);
  const pids = [one, two].flatMap(({ processes }) => Object.values(processes));
  expect(pids.map((pid) => identityOf(pid) !== undefined)).toEqual(pids.map(() => true));
  await one.kubectl(['create', 'namespace', 'only-in-one']);
  expect((await one.kubectl(['get', 'namespace', 'only-in-one'])).code).toBe(0);
  expect((await two.kubectl(['get', 'namespace', 'only-in-one'])).stderr).toContain('NotFound');
  await expect(startLocalControlPlane({ name: 'one', env })).rejects.toThrow('"one" runs already');

  await Promise.all([one.stop(), two.stop()]);
  expect(pids.map(identityOf)).toEqual(pids.map(() => undefined));
  expect(readdirSync(servers)).toEqual([]);
});

it('keeps what was stored over a crash of the API server', async () => {
  const cluster = await startLocalControlPlane({ name: 'restarted', env });
  try {
    const before = cluster.processes.apiserver;
    await cluster.kubectl(['create', 'configmap', 'kept']);
    await cluster.stopApiServer();
    await expect(cluster.api.request('GET', '/readyz')).rejects.toThrow();
    await cluster.startApiServer();
    expect(cluster.processes.apiserver).not.toBe(before);
    expect((await cluster.kubectl(['get', 'configmap', 'kept'])).code).toBe(0);
  } finally {
    await cluster.stop();
  }
});

it('recognises and ends what a killed run left behind', async () => {
  const code = `
    import { startLocalControlPlane } from ${JSON.stringify(join(CHECKOUT, 'hack/rig/control-plane.ts'))};
    await startLocalControlPlane({ name: 'orphan' });
    process.stdout.write('ready');
    setInterval(() => {}, 1000);`;
  const run = spawn(process.execPath, ['--input-type=module', '-e', code], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => run.stdout.once('data', resolve));
  const orphan = readInstance('orphan', env);
  expect(orphan && isUp(orphan)).toBe(true);

  run.kill('SIGKILL');
  await new Promise((resolve) => run.once('close', resolve));
  const pids = serversOf(orphan!).map(({ pid }) => pid);
  expect(pids.map((pid) => identityOf(pid) !== undefined)).toEqual([true, true, true]);
  expect(isUp(orphan!)).toBe(false);

  expect(await removeLeftOvers(env)).toEqual(['orphan']);
  expect(pids.map(identityOf)).toEqual([undefined, undefined, undefined]);
  expect(existsSync(orphan!.folder)).toBe(false);
});

it('starts one that stays, tells how to use it, and ends it, all by command', async () => {
  const rig = async (...args: string[]) => {
    const result = await runProgram(process.execPath, [join(CHECKOUT, 'hack/rig/main.ts'), ...args], { env });
    return result ?? expect.unreachable('node is there');
  };
  expect(await rig('env')).toMatchObject({ code: 1, stdout: '' });
  expect((await rig('up')).stdout).toContain('"default" is ready');
  expect((await rig('up')).stdout).toContain('runs already');
  expect(await rig('status')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/kube-apiserver +pid \d+, \d+ MiB, port/),
  });

  const script = `${(await rig('env')).stdout}\nkubectl get crd agentsandboxes.bulkhead.dev -o name`;
  const used = await runProgram('sh', ['-c', script], { env });
  expect(used).toMatchObject({
    code: 0,
    stdout: 'customresourcedefinition.apiextensions.k8s.io/agentsandboxes.bulkhead.dev\n',
  });

  expect((await rig('down')).stdout).toContain('Ended');
  expect(await rig('down')).toMatchObject({ code: 0, stdout: expect.stringContaining('No control plane') });
  expect((await rig('status')).code).toBe(1);
  expect(readdirSync(servers)).toEqual([]);
});
