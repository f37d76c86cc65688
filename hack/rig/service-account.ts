/**
 * Kubeconfigs that log in as a ServiceAccount, with a token that the API server issued as it does for pods: what Bulkhead
 * may do is then decided by its real RBAC rules, not by the administrator's.
 */
import { join } from 'node:path';
import type { ControlPlane } from './control-plane.ts';
import { writeKubeconfig } from './kubeconfig.ts';

const TOKEN_LIFE_SECONDS = 3600;

/** A token of the ServiceAccount by TokenRequest, valid for an hour. The account must exist. */
export async function serviceAccountToken(
  cluster: Pick<ControlPlane, 'api'>,
  namespace: string,
  name: string,
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: TOKEN_LIFE_SECONDS },
  };
  const { status } = await cluster.api.call<{ status: { token: string } }>('POST', path, { body: request });
  return status.token;
}

/**
 * Writes a kubeconfig for the ServiceAccount and returns its path; it goes away with the control plane.
 *
 * @example const kubeconfig = await serviceAccountKubeconfig(cluster, 'bulkhead-system', 'bulkhead-operator');
 */
export async function serviceAccountKubeconfig(
  cluster: Pick<ControlPlane, 'api' | 'server' | 'caPem' | 'folder'>,
  namespace: string,
  name: string,
): Promise<string> {
  const token = await serviceAccountToken(cluster, namespace, name);
  const path = join(cluster.folder, `${namespace}.${name}.kubeconfig`);
  writeKubeconfig(path, { server: cluster.server, caPem: cluster.caPem, token }, `${namespace}:${name}`);
  return path;
}
