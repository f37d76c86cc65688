/**
 * The shared control plane as a test file sees it: a namespace of its own, kubectl, and plain JSON requests.
 *
 * A test that must break a server starts its own with `startLocalControlPlane`; this one has other users.
 */
import { afterAll, beforeAll, inject } from 'vitest';
import type { ApiClient } from '../../hack/rig/api-client.ts';
import { type ControlPlane, connect } from '../../hack/rig/control-plane.ts';

export interface TestCluster extends Omit<ControlPlane, 'stop'> {
  /** The file's own namespace: created when first asked for, deleted after the file's last test. */
  namespace(): Promise<string>;
  /** One more namespace, deleted likewise. */
  newNamespace(labels?: Readonly<Record<string, string>>): Promise<string>;
}

/**
 * Connects the test file to the shared control plane; call it once, at the top of the file. Its fields may be read in
 * hooks and tests.
 *
 * @example
 * const cluster = useCluster();
 * it('admits a pod', async () => {
 *   const namespace = await cluster.namespace();
 *   const { code } = await cluster.kubectl(['-n', namespace, 'run', 'a', '--image=busybox']);
 *   expect(code).toBe(0);
 * });
 */
export function useCluster(): TestCluster {
  const cluster = {} as TestCluster;
  const created: string[] = [];
  let own: Promise<string> | undefined;
  let plane: ControlPlane | undefined;
  beforeAll(async () => {
    plane = await connect(inject('cluster'));
    const { api } = plane;
    Object.assign(cluster, plane, {
      async newNamespace(labels: Readonly<Record<string, string>> = {}) {
        const name = await createNamespace(api, labels);
        created.push(name);
        return name;
      },
      namespace() {
        own ??= cluster.newNamespace();
        return own;
      },
    });
  });
  afterAll(async () => {
    for (const name of created) {
      await plane?.api.request('DELETE', `/api/v1/namespaces/${name}`);
    }
    await plane?.stop();
  });
  return cluster;
}

/** With its default ServiceAccount, without which no pod is admitted: the controller that makes it takes its time. */
async function createNamespace(api: ApiClient, labels: Readonly<Record<string, string>>): Promise<string> {
  const { metadata } = await api.call('POST', '/api/v1/namespaces', {
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { generateName: 'test-', labels } },
  });
  const { status } = await api.request('POST', `/api/v1/namespaces/${metadata.name}/serviceaccounts`, {
    body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } },
  });
  if (status !== 201 && status !== 409) {
    throw new Error(`no default ServiceAccount in ${metadata.name}: ${status}`);
  }
  return metadata.name;
}
