/**
 * Keeps the webhook's CAs in a Secret that all replicas share.
 */

import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/v1alpha1/labels.ts';
import type { KubeObject } from '../api/v1alpha1/types.ts';
import { type AuthorityStore, fromSecretData, toSecretData } from './certs-rotation.ts';
import type { KubeClient } from './client.ts';
import { RESOURCES } from './resources.ts';

export interface SecretStoreOptions {
  client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  namespace: string;
  name: string;
}

interface Secret extends KubeObject {
  type?: string;
  /** Base64. */
  data?: Record<string, string>;
}

/** The version is the Secret's resourceVersion: of two replicas that write at once, one gets a 409. */
export function createSecretStore({ client, namespace, name }: SecretStoreOptions): AuthorityStore {
  return {
    read: async () => {
      const secret = await client.get<Secret>({ resource: RESOURCES.secrets, namespace, name });
      return { authorities: fromSecretData(decode(secret?.data ?? {})), version: secret?.metadata.resourceVersion };
    },
    write: async (authorities, version) => {
      const secret: Secret = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace, name, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } },
        type: 'Opaque',
        data: encode(toSecretData(authorities)),
      };
      if (version === undefined) {
        await client.create(RESOURCES.secrets, secret);
      } else {
        const metadata = { ...secret.metadata, resourceVersion: version };
        await client.replace(RESOURCES.secrets, { ...secret, metadata });
      }
    },
  };
}

function decode(data: Record<string, string>): Record<string, string> {
  return mapValues(data, (text) => Buffer.from(text, 'base64').toString('utf8'));
}

function encode(data: Record<string, string>): Record<string, string> {
  return mapValues(data, (text) => Buffer.from(text, 'utf8').toString('base64'));
}

function mapValues(data: Record<string, string>, change: (value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, change(value)]));
}
