/** The client against the real API server: pages, patches, preconditions, deadlines, and the errors it makes of answers. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { KubeObject } from '../../src/api/v1alpha1/types.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { loadKubeConfig } from '../../src/kube/kube-config.ts';
import { createOperator } from '../../src/kube/operator.ts';
import { RESOURCES } from '../../src/kube/resources.ts';
import { Transport } from '../../src/kube/transport.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { useCluster } from '../support/cluster.ts';
import { sandboxSpec } from '../support/objects.ts';

type ConfigMap = KubeObject & { data?: Record<string, string> };

const cluster = useCluster();
let client: KubeClient;
let namespace: string;
beforeAll(async () => {
  namespace = await cluster.namespace();
  const transport = new Transport(loadKubeConfig({ path: cluster.kubeconfigPath }).config);
  client = new KubeClient({ transport, fieldManager: 'bulkhead' });
});
afterAll(() => client.close());

const configMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name },
  data,
});
const ref = (name: string) => ({ resource: RESOURCES.configMaps, namespace, name });

describe('reading', () => {
  it('lists page by page in one version, and says what each item is', async () => {
    for (const name of ['p1', 'p2', 'p3', 'p4', 'p5']) {
      await client.create(RESOURCES.configMaps, configMap(name));
    }
    const pages = [];
    for await (const page of client.pages<ConfigMap>(RESOURCES.configMaps, { namespace }, 2)) pages.push(page);
    const items = pages.flatMap((page) => page.items);
    expect(pages.length).toBeGreaterThanOrEqual(3);
    expect(new Set(pages.map(({ resourceVersion }) => resourceVersion)).size).toBe(1);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining(['p1', 'p2', 'p3', 'p4', 'p5']));
    expect(new Set(items.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`))).toEqual(new Set(['v1 ConfigMap']));
  });

  it('lists by label', async () => {
    const labelled = configMap('labelled');
    await client.create(RESOURCES.configMaps, { ...labelled, metadata: { ...labelled.metadata, labels: { a: 'b' } } });
    const found = await client.list(RESOURCES.configMaps, { namespace, labelSelector: 'a in (b)' });
    expect(found.map(({ metadata }) => metadata.name)).toEqual(['labelled']);
  });

  it('gives undefined for what is not there', async () => {
    expect(await client.get(ref('none'))).toBeUndefined();
  });

  it('knows which kinds the cluster has', async () => {
    expect(await client.discover('networking.k8s.io/v1')).toContain('networkpolicies');
    expect(await client.discover('v1')).toContain('pods');
    expect(await client.discover('example.com/v1')).toBeUndefined();
  });
});

describe('writing', () => {
  it('creates, patches, replaces and deletes', async () => {
    await client.create(RESOURCES.configMaps, configMap('life', { a: '1' }));
    const patched = await client.patch<ConfigMap>(ref('life'), { type: 'merge', body: { data: { a: null, b: '2' } } });
    expect(patched.data).toEqual({ b: '2' });
    const operations = [
      { op: 'test', path: '/data/b', value: '2' },
      { op: 'replace', path: '/data/b', value: '3' },
    ];
    expect((await client.patch<ConfigMap>(ref('life'), { type: 'json', body: operations })).data).toEqual({ b: '3' });
    expect((await client.replace(RESOURCES.configMaps, configMap('life', { c: '4' }))).data).toEqual({ c: '4' });
    expect(await client.delete(ref('life'))).toBe(true);
    expect(await client.delete(ref('life'))).toBe(false);
  });

  it('stores nothing when it only asks whether it might', async () => {
    await client.create(RESOURCES.configMaps, configMap('dry'), { dryRun: true });
    expect(await client.get(ref('dry'))).toBeUndefined();
  });

  it('hands a field that no type knows to the server, which refuses it by name', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace, name: 'future' },
      spec: { containers: [{ name: 'c', image: 'i', futureField: true }] },
    };
    await expect(client.create(RESOURCES.pods, pod)).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('unknown field "spec.containers[0].futureField"'),
    });
  });

  it('tells a conflict from a name that is taken, and both from what is invalid', async () => {
    const created = await client.create(RESOURCES.configMaps, configMap('clash'));
    await expect(client.create(RESOURCES.configMaps, configMap('clash'))).rejects.toMatchObject({
      status: 409,
      code: 'AlreadyExists',
    });
    await client.patch(ref('clash'), { type: 'merge', body: { data: { a: '1' } } });
    await expect(client.replace(RESOURCES.configMaps, created)).rejects.toMatchObject({
      status: 409,
      code: 'Conflict',
    });
    await expect(client.create(RESOURCES.configMaps, configMap('No Name'))).rejects.toMatchObject({
      status: 422,
      code: 'Invalid',
    });
  });

  it.each(['patch', 'delete', 'apply'] as const)('never means a later object of the same name: %s', async (verb) => {
    const name = `reborn-${verb}`;
    const first = await client.create(RESOURCES.configMaps, configMap(name));
    await client.delete(ref(name));
    await client.create(RESOURCES.configMaps, configMap(name, { a: 'second' }));
    const uid = first.metadata.uid;
    const body = { ...configMap(name, { a: 'third' }), metadata: { namespace, name, uid } };
    const act = {
      patch: () => client.patch(ref(name), { type: 'merge', body }),
      delete: () => client.delete(ref(name), { uid }),
      apply: () => client.apply(RESOURCES.configMaps, body, { force: true }),
    }[verb];
    await expect(act()).rejects.toMatchObject({ status: 409 });
    expect((await client.get<ConfigMap>(ref(name)))?.data).toEqual({ a: 'second' });
  });
});

describe('when nobody answers', () => {
  it('a call ends at its deadline', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const path = join(cluster.folder, `silent-${port}.kubeconfig`);
    writeFileSync(path, kubeconfig(`https://127.0.0.1:${port}`));
    const transport = new Transport(loadKubeConfig({ path }).config);
    const impatient = new KubeClient({ transport, fieldManager: 'bulkhead', timeoutMs: 300 });
    onTestFinished(() => impatient.close());
    await expect(impatient.get(ref('x'))).rejects.toMatchObject({ status: 0, code: 'Timeout' });
  });

  it('a call that the caller gives up ends with the reason', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(client.get(ref('x'), signal)).rejects.toThrow('enough');
  });

  it('nobody listening is said with the address', async () => {
    const path = join(cluster.folder, 'nobody.kubeconfig');
    writeFileSync(path, kubeconfig('https://127.0.0.1:1'));
    const lonely = new KubeClient({
      transport: new Transport(loadKubeConfig({ path }).config),
      fieldManager: 'bulkhead',
    });
    onTestFinished(() => lonely.close());
    await expect(lonely.get(ref('x'))).rejects.toMatchObject({
      code: 'ConnectionFailed',
      message: expect.stringMatching(/^connection to 127\.0\.0\.1:1 failed: ECONNREFUSED$/),
    });
  });
});

it('a token that is not accepted is said, and every request is observed', async () => {
  const path = join(cluster.folder, 'stranger.kubeconfig');
  writeFileSync(path, kubeconfig(cluster.server, cluster.caPem));
  const observed: object[] = [];
  const stranger = new KubeClient({
    transport: new Transport(loadKubeConfig({ path }).config),
    fieldManager: 'bulkhead',
    observe: (request) => observed.push(request),
  });
  onTestFinished(() => stranger.close());
  await expect(stranger.get(ref('x'))).rejects.toMatchObject({ status: 401, code: 'Unauthorized' });
  const { host } = new URL(cluster.server);
  expect(observed).toEqual([{ method: 'GET', host, status: 401, seconds: expect.any(Number) }]);
});

describe('the operator’s own writes', () => {
  it('fail loudly on a concurrent change, and otherwise are done', async () => {
    const { config } = loadKubeConfig({ path: cluster.kubeconfigPath });
    const operator = createOperator({ client, kubeConfig: config, clock: systemClock, log: silentLogger });
    const created = await client.create(RESOURCES.agentSandboxes, {
      apiVersion: 'bulkhead.dev/v1alpha1',
      kind: 'AgentSandbox',
      metadata: { namespace, name: 'coder', finalizers: ['example.com/theirs'] },
      spec: sandboxSpec(),
    } as KubeObject);
    const { apiVersion, kind, metadata } = created;
    const meta = {
      id: `agentsandboxes.${apiVersion}`,
      apiVersion,
      kind,
      name: 'coder',
      namespace,
      resourceVersion: metadata.resourceVersion ?? '',
    };
    const next = await operator.setResourceStatus(meta, { observedGeneration: 1 });
    const later = await operator.patchResourceStatus(next, { observedGeneration: 2 });
    await expect(operator.setResourceStatus(meta, { observedGeneration: 3 })).rejects.toMatchObject({ status: 409 });
    await expect(operator.setResourceFinalizers(meta, [])).rejects.toMatchObject({ status: 409 });
    await operator.setResourceFinalizers(later, ['example.com/theirs', 'bulkhead.dev/ours']);
    const stored = await client.get<KubeObject & { status?: object }>({
      resource: RESOURCES.agentSandboxes,
      namespace,
      name: 'coder',
    });
    expect(stored?.status).toMatchObject({ observedGeneration: 2 });
    expect(stored?.metadata.finalizers).toEqual(['example.com/theirs', 'bulkhead.dev/ours']);
    await client.patch(
      { resource: RESOURCES.agentSandboxes, namespace, name: 'coder' },
      { type: 'merge', body: { metadata: { finalizers: null } } },
    );
  });
});

/** With a token that nobody knows. */
function kubeconfig(server: string, caPem = ''): string {
  const ca = caPem === '' ? '"insecure-skip-tls-verify": true' : `"certificate-authority-data": "${btoa(caPem)}"`;
  return `{"clusters":[{"name":"c","cluster":{"server":"${server}",${ca}}}],"users":[{"name":"u","user":{"token":"t"}}],"contexts":[{"name":"x","context":{"cluster":"c","user":"u"}}],"current-context":"x"}`;
}
