/** The webhook's CAs in a real Secret: what is written comes back, and of two writers one learns that it was late. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KubeClient } from '../../src/kube/client.ts';
import { loadKubeConfig } from '../../src/kube/kube-config.ts';
import { createSecretStore } from '../../src/kube/secret-store.ts';
import { Transport } from '../../src/kube/transport.ts';
import { useCluster } from '../support/cluster.ts';

const cluster = useCluster();
let client: KubeClient;
beforeAll(() => {
  const transport = new Transport(loadKubeConfig({ path: cluster.kubeconfigPath }).config);
  client = new KubeClient({ transport, fieldManager: 'bulkhead' });
});
afterAll(() => client.close());

const first = { certificatePem: '-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----', keyPem: 'key one' };
const second = { ...first, keyPem: 'key two' };

it('a missing Secret is created, read back, and replaced', async () => {
  const store = createSecretStore({ client, namespace: await cluster.namespace(), name: 'webhook' });
  expect(await store.read()).toEqual({ authorities: [], version: undefined });
  await store.write([first], undefined);
  const stored = await store.read();
  expect(stored).toEqual({ authorities: [first], version: expect.stringMatching(/^\d+$/) });
  await store.write([second, first], stored.version);
  expect((await store.read()).authorities).toEqual([second, first]);
});

it('of two writers the later is told', async () => {
  const store = createSecretStore({ client, namespace: await cluster.namespace(), name: 'contested' });
  await store.write([first], undefined);
  await expect(store.write([second], undefined)).rejects.toMatchObject({ status: 409 });
  const { version } = await store.read();
  await store.write([second], version);
  await expect(store.write([first], version)).rejects.toMatchObject({ status: 409 });
  expect((await store.read()).authorities).toEqual([second]);
});

it('a Secret with nonsense in it counts as empty and can be replaced', async () => {
  const namespace = await cluster.namespace();
  await cluster.api.call('POST', `/api/v1/namespaces/${namespace}/secrets`, {
    body: { metadata: { name: 'nonsense' }, data: { 'authorities.json': 'bm8ganNvbg==' } },
  });
  const store = createSecretStore({ client, namespace, name: 'nonsense' });
  const { authorities, version } = await store.read();
  expect(authorities).toEqual([]);
  await store.write([first], version);
  expect((await store.read()).authorities).toEqual([first]);
});
