/**
 * Who the node's parts are to the API server, and how it proves itself to the kubelet: certificates under an authority of
 * their own. The kubelet is a real `system:node` with a node's rights, so the Node authorizer is in force.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Authority, makeAuthority } from '../certificates.ts';
import { type Access, writeKubeconfig } from '../kubeconfig.ts';
import { LOOPBACK } from '../ports.ts';
import { NODE_ADDRESS, NODE_NAME } from './network.ts';

/** Files in the folder of the node. */
export const NODE_FILES = {
  ca: 'node-ca.pem',
  kubeletCertificate: 'kubelet.pem',
  kubeletKey: 'kubelet.key',
  kubeletClientCertificate: 'kubelet-client.pem',
  kubeletClientKey: 'kubelet-client.key',
  kubeletKubeconfig: 'kubelet.kubeconfig',
  schedulerKubeconfig: 'scheduler.kubeconfig',
} as const;

/** Writes the certificates that API server and kubelet need to talk; returns the authority for the rest. */
export async function writeNodeKeys(folder: string): Promise<Authority> {
  const authority = await makeAuthority('bulkhead-rig-node-ca');
  const addresses = [NODE_ADDRESS, LOOPBACK];
  const [serving, client] = await Promise.all([
    authority.issue({ subject: `CN=${NODE_NAME}`, usage: 'server', names: [NODE_NAME], addresses }),
    authority.issue({ subject: 'O=system:masters, CN=kube-apiserver-kubelet-client', usage: 'client' }),
  ]);
  const files = {
    [NODE_FILES.ca]: authority.caPem,
    [NODE_FILES.kubeletCertificate]: serving.certificatePem,
    [NODE_FILES.kubeletKey]: serving.keyPem,
    [NODE_FILES.kubeletClientCertificate]: client.certificatePem,
    [NODE_FILES.kubeletClientKey]: client.keyPem,
  };
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
  }
  return authority;
}

/** Writes kubeconfigs for the parts that log in by certificate. */
export async function writeNodeKubeconfigs(
  folder: string,
  authority: Authority,
  { server, caPem }: Pick<Access, 'server' | 'caPem'>,
): Promise<void> {
  const users = {
    [NODE_FILES.kubeletKubeconfig]: `O=system:nodes, CN=system:node:${NODE_NAME}`,
    [NODE_FILES.schedulerKubeconfig]: 'CN=system:kube-scheduler',
  };
  for (const [file, subject] of Object.entries(users)) {
    const { certificatePem, keyPem } = await authority.issue({ subject, usage: 'client' });
    const access = { server, caPem, clientCertificatePem: certificatePem, clientKeyPem: keyPem };
    writeKubeconfig(join(folder, file), access, subject);
  }
}

/** What the API server needs besides, when it has a node. */
export function apiserverNodeFlags(folder: string): string[] {
  return [
    '--bind-address=0.0.0.0',
    `--advertise-address=${NODE_ADDRESS}`,
    '--authorization-mode=Node', // besides RBAC,
    '--enable-admission-plugins=NodeRestriction',
    `--client-ca-file=${join(folder, NODE_FILES.ca)}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--kubelet-certificate-authority=${join(folder, NODE_FILES.ca)}`,
    `--kubelet-client-certificate=${join(folder, NODE_FILES.kubeletClientCertificate)}`,
    `--kubelet-client-key=${join(folder, NODE_FILES.kubeletClientKey)}`,
  ];
}
