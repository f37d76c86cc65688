/**
 * Reads and writes kubeconfig files: the few fields that a test client needs. A file that asks for more (exec plugins,
 * proxies) is for kubectl alone, and is refused here rather than half understood.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { RigError } from './rig-error.ts';

/** How to reach one API server as one user. */
export interface Access {
  server: string;
  caPem: string;
  token?: string | undefined;
  clientCertificatePem?: string | undefined;
  clientKeyPem?: string | undefined;
}

interface Kubeconfig {
  'current-context'?: string;
  contexts?: { name: string; context: { cluster: string; user: string } }[];
  clusters?: { name: string; cluster: Fields }[];
  users?: { name: string; user?: Fields }[];
}

/** Writes a kubeconfig with one context; only its owner may read it. */
export function writeKubeconfig(path: string, access: Access, user: string): void {
  const name = 'bulkhead-rig';
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: access.server, 'certificate-authority-data': toBase64(access.caPem) } }],
    users: [{ name: user, user: credentials(access) }],
    contexts: [{ name, context: { cluster: name, user } }],
    'current-context': name,
  };
  writeFileSync(path, stringify(content), { mode: 0o600 });
}

function credentials({ token, clientCertificatePem, clientKeyPem }: Access): Record<string, string> {
  return {
    ...(token !== undefined && { token }),
    ...(clientCertificatePem !== undefined && { 'client-certificate-data': toBase64(clientCertificatePem) }),
    ...(clientKeyPem !== undefined && { 'client-key-data': toBase64(clientKeyPem) }),
  };
}

/**
 * The current context of a kubeconfig file.
 * @throws RigError when there is none, or when it logs in by a plugin.
 */
export function readKubeconfig(path: string): Access {
  const { cluster, user } = currentContext(path, load(path));
  if (user['exec'] !== undefined || user['auth-provider'] !== undefined) {
    throw new RigError(`${path} logs in through a plugin; give a kubeconfig with a token or a client certificate.`);
  }
  return {
    server: String(cluster['server']),
    caPem: readField(path, cluster, 'certificate-authority') ?? '',
    token: typeof user['token'] === 'string' ? user['token'] : undefined,
    clientCertificatePem: readField(path, user, 'client-certificate'),
    clientKeyPem: readField(path, user, 'client-key'),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function currentContext(path: string, config: Kubeconfig): { cluster: Fields; user: Fields } {
  const context = config.contexts?.find(({ name }) => name === config['current-context'])?.context;
  const cluster = config.clusters?.find(({ name }) => name === context?.cluster)?.cluster;
  if (typeof cluster?.['server'] !== 'string') {
    throw new RigError(`${path} has no current context with a server; choose one with \`kubectl config use-context\`.`);
  }
  return { cluster, user: config.users?.find(({ name }) => name === context?.user)?.user ?? {} };
}

function load(path: string): Kubeconfig {
  try {
    return (parse(readFileSync(path, 'utf8')) as Kubeconfig | null) ?? {};
  } catch (error) {
    throw new RigError(
      `The kubeconfig ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** `key` holds a file's path, `key-data` its content. */
function readField(path: string, from: Fields, key: string): string | undefined {
  const data = from[`${key}-data`];
  if (typeof data === 'string') {
    return Buffer.from(data, 'base64').toString();
  }
  const file = from[key];
  return typeof file === 'string' ? readFileSync(resolve(dirname(path), file), 'utf8') : undefined;
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}
