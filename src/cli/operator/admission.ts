/**
 * Puts admission together: the HTTPS server on every replica, and the webhook configurations that the leader keeps.
 */
import { randomBytes } from 'node:crypto';
import { createAdmissionHandlers, MUTATE_PATH, VALIDATE_PATH } from '../../admission/handlers.ts';
import { POD_ID_LABEL } from '../../api/v1alpha1/labels.ts';
import { type AuthorityStore, WebhookCertificates } from '../../kube/certs-rotation.ts';
import type { KubeClient } from '../../kube/client.ts';
import { RESOURCES } from '../../kube/resources.ts';
import {
  mutatingWebhookConfiguration,
  validatingWebhookConfiguration,
  WEBHOOK_CONFIGURATION_NAME,
  type WebhookAddress,
  type WebhookConfiguration,
} from '../../kube/webhook-config.ts';
import { type WebhookRequestEvent, WebhookServer } from '../../kube/webhook-server.ts';
import type { WorldStores } from '../../kube/world.ts';

export interface AdmissionOptions {
  client: KubeClient;
  stores: WorldStores;
  authorities: AuthorityStore;
  listen: { host: string; port: number };
  /** Where the API server finds us, once the port is known. */
  address: (port: number) => WebhookAddress;
  names: { dns: readonly string[]; ips: readonly string[] };
  ownNamespace: string;
  operatorUsername: string;
  onRequest: (event: WebhookRequestEvent) => void;
}

export interface Admission {
  /** The certificate of this replica; call at start and every minute. */
  refresh(): Promise<void>;
  /** Makes the configurations in the API server match the sandboxes there are. Leader only. */
  publish(): Promise<void>;
  /** Whether the API server would accept what is served now. */
  isTrusted(): Promise<boolean>;
  leafExpiry(): Date | undefined;
  close(): Promise<void>;
}

/** Starts to serve. Refuses every review until the sandboxes are known, so that failurePolicy decides meanwhile. */
export async function startAdmission(options: AdmissionOptions): Promise<Admission> {
  const { client, stores } = options;
  const server = new WebhookServer({
    handlers: createAdmissionHandlers({
      sandboxesIn: (namespace) => {
        if (!stores.sandboxes.synced || !stores.pods.synced) {
          throw new Error('the sandboxes are not known yet');
        }
        return stores.sandboxes.list(namespace);
      },
      isPodIdTaken: (id) => stores.pods.list().some((pod) => pod.labels[POD_ID_LABEL] === id),
      newPodId,
      operatorUsername: options.operatorUsername,
      now: () => new Date(),
    }),
    onRequest: options.onRequest,
  });
  const certificates = new WebhookCertificates({
    store: options.authorities,
    names: options.names,
    now: () => new Date(),
    publishedBundles: () => publishedBundles(client),
    onLeaf: (leaf) => server.useCertificate(leaf),
  });
  await certificates.refresh();
  const port = await server.listen(options.listen.port, options.listen.host);
  return {
    refresh: () => certificates.refresh(),
    publish: async () => {
      for (const configuration of configurations(options, port, certificates.bundle)) {
        await applyConfiguration(client, configuration);
      }
      await certificates.refresh();
    },
    isTrusted: async () => {
      const bundles = await publishedBundles(client);
      return bundles.length > 0 && bundles.every((bundle) => certificates.servedLeafChainsTo(bundle));
    },
    leafExpiry: () => certificates.leafExpiry,
    close: () => server.close(GRACE_MS),
  };
}

/** A fresh pod id: 64 random bits as 16 hex digits. */
export function newPodId(): string {
  return randomBytes(8).toString('hex');
}

function configurations(options: AdmissionOptions, port: number, caBundle: string): WebhookConfiguration[] {
  const namespaces = [...new Set(options.stores.sandboxes.list().map(({ metadata }) => metadata.namespace ?? ''))];
  const wanted = {
    address: options.address(port),
    caBundle,
    namespaces,
    excludedNamespaces: [options.ownNamespace],
    operatorUsername: options.operatorUsername,
    paths: { mutate: MUTATE_PATH, validate: VALIDATE_PATH },
  };
  return [mutatingWebhookConfiguration(wanted), validatingWebhookConfiguration(wanted)];
}

async function applyConfiguration(client: KubeClient, wanted: WebhookConfiguration): Promise<void> {
  const resource =
    RESOURCES[wanted.kind === 'MutatingWebhookConfiguration' ? 'mutatingWebhooks' : 'validatingWebhooks'];
  // Server-side apply of the same body changes nothing in the API server, so there is no need to compare first.
  await client.apply(resource, wanted, { force: true });
}

async function publishedBundles(client: KubeClient): Promise<string[]> {
  const bundles: string[] = [];
  for (const resource of [RESOURCES.mutatingWebhooks, RESOURCES.validatingWebhooks]) {
    const live = await client.get<WebhookConfiguration>({ resource, name: WEBHOOK_CONFIGURATION_NAME });
    for (const webhook of live?.webhooks ?? []) {
      const { caBundle = '' } = (webhook['clientConfig'] ?? {}) as { caBundle?: string };
      bundles.push(Buffer.from(caBundle, 'base64').toString());
    }
  }
  return bundles;
}

/** Milliseconds an answer in flight may take when the server closes: as long as the API server waits for one. */
const GRACE_MS = 3000;
