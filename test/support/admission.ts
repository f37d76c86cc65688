/**
 * Puts Bulkhead's admission policies into force for one namespace of the shared control plane, and speaks to it as
 * somebody in particular: what other test files do stays as it was.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { ApiResponse, KubeObject } from '../../hack/rig/api-client.ts';
import type { TestCluster } from './cluster.ts';

/** The name under which the policies know Bulkhead. */
export const BULKHEAD_USER = 'system:serviceaccount:bulkhead-system:bulkhead';

const FOLDER = fileURLToPath(new URL('../../config/admission/', import.meta.url));
const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';

interface Manifest {
  kind: string;
  metadata: { name: string };
  spec: Record<string, unknown>;
}

/** Every object of config/admission. */
export function admissionManifests(): Manifest[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml')
    .flatMap((file) =>
      parseAllDocuments(readFileSync(`${FOLDER}${file}`, 'utf8')).map((document) => document.toJS() as Manifest),
    );
}

/** Installs the policies of config/admission, each bound to this namespace alone; returns how to take them away. */
export async function enforcePolicies(cluster: TestCluster, namespace: string): Promise<() => Promise<void>> {
  const installed: string[] = [];
  for (const { kind, metadata, spec } of admissionManifests()) {
    const name = `${metadata.name}-${namespace}`;
    const isBinding = kind === 'ValidatingAdmissionPolicyBinding';
    const collection = `${REGISTRATION}/${isBinding ? 'validatingadmissionpolicybindings' : 'validatingadmissionpolicies'}`;
    const only = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } };
    await cluster.api.call('POST', collection, {
      body: {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind,
        metadata: { name },
        spec: isBinding ? { ...spec, policyName: name, matchResources: only } : spec,
      },
    });
    installed.unshift(`${collection}/${name}`);
  }
  return async () => {
    for (const path of installed) {
      await cluster.api.request('DELETE', path);
    }
  };
}

/** Requests as this user, by impersonation. A service account is in the groups that the API server gives it. */
export function as(cluster: TestCluster, user: string) {
  const [, namespace] = /^system:serviceaccount:([^:]+):/.exec(user) ?? [];
  const groups =
    namespace === undefined
      ? ['system:authenticated']
      : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  const headers = { 'Impersonate-User': user, 'Impersonate-Group': groups as unknown as string };
  return (method: string, path: string, body?: unknown, contentType?: string): Promise<ApiResponse<KubeObject>> =>
    cluster.api.request(method, path, {
      headers,
      ...(body === undefined ? {} : { body }),
      ...(contentType === undefined ? {} : { contentType }),
    });
}

/** Lets users do these things in the namespace, whatever admission says afterwards. */
export async function grant(
  cluster: TestCluster,
  namespace: string,
  users: readonly string[],
  rules: readonly { apiGroups: string[]; resources: string[]; verbs: string[] }[],
): Promise<void> {
  const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const { metadata } = await cluster.api.call('POST', `${path}/roles`, {
    body: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { generateName: 'grant-' }, rules },
  });
  await cluster.api.call('POST', `${path}/rolebindings`, {
    body: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { generateName: 'grant-' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
      subjects: users.map((name) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name })),
    },
  });
}
