/** Stopping: work in flight is finished, and the process ends by itself, with 0, because nothing holds it any more. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished, vi } from 'vitest';
import { useCluster } from '../support/cluster.ts';
import { startProxy } from './proxy.ts';

const cluster = useCluster();
const PROGRAM = fileURLToPath(new URL('run-until-told.ts', import.meta.url));

/** Starts the program; `output` grows while it runs. */
async function run(kubeconfigPath: string) {
  // The default kubeconfig is broken, which must not matter to a program that was given another one.
  const env = { ...process.env, KUBECONFIG: '/nonexistent/kubeconfig' };
  const child = spawn(execPath, [PROGRAM, kubeconfigPath, await cluster.namespace()], { env });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output: string[] = [];
  const collect = (chunk: Buffer) => output.push(...chunk.toString().trimEnd().split('\n'));
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  return { child, output, ended: once(child, 'exit') };
}

async function createNote(name: string): Promise<void> {
  const path = `/api/v1/namespaces/${await cluster.namespace()}/configmaps`;
  await cluster.api.call('POST', path, { body: { metadata: { name } } });
}

it('finishes what it has begun, begins nothing new and ends with 0', async () => {
  const { child, output, ended } = await run(cluster.kubeconfigPath);
  await vi.waitFor(() => expect(output).toContain('ready'), WAIT);
  await createNote('in-flight');
  await vi.waitFor(() => expect(output).toContain('begun in-flight'), WAIT);
  child.stdin.end();
  expect(await ended).toEqual([0, null]);
  expect(output).toContain('done in-flight');
  expect(output.at(-1)).toBe('drained true');
});

it('ends as well when the server has fallen silent', async () => {
  const { server, caPem, adminToken } = cluster;
  const proxy = await startProxy({ server, caPem, token: adminToken }, cluster.folder);
  onTestFinished(() => proxy.close());
  const { child, output, ended } = await run(proxy.kubeconfigPath);
  await vi.waitFor(() => expect(output).toContain('ready'), WAIT);
  await vi.waitUntil(() => proxy.seen.at(-1)?.isWatch);
  proxy.breakOpen('silence');
  proxy.inject(() => true, { kind: 'silence' }, Number.POSITIVE_INFINITY);
  child.stdin.end();
  expect(await ended).toEqual([0, null]);
});

const WAIT = { timeout: 20_000, interval: 20 };
