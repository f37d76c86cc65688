/**
 * Which cluster, and as whom: reads a kubeconfig the way kubectl does, or the service account of the own pod.
 *
 * Only reading is here. Requests are `transport.ts`; nothing else may touch the library's own API classes, which open a
 * TLS connection for every call and drop fields they do not know.
 */
import { existsSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';

/** Where a loaded configuration came from, for logs and messages. */
export interface LoadedKubeConfig {
  config: KubeConfig;
  /** Such as `file /home/me/.kube/config` or `service account`. */
  origin: string;
  /** Server URL. */
  server: string;
  /** Namespace of the context or of the own pod; `default` when neither says. */
  namespace: string;
}

export interface KubeConfigChoice {
  /** Path the user named; nothing else is tried then. */
  path?: string | undefined;
  /** Context to use instead of the file's current one. */
  context?: string | undefined;
  /** Value of the KUBECONFIG variable, for the choice and the message: the library reads the variable itself. */
  fromEnvironment?: string | undefined;
}

/**
 * Loads the configuration: the path given, else KUBECONFIG, else ~/.kube/config, else the pod's service account.
 *
 * @throws Error with a sentence that says what to give, when there is none or it cannot be read.
 * @example loadKubeConfig({ path: '/etc/bulkhead/kubeconfig' })
 */
export function loadKubeConfig(choice: KubeConfigChoice = {}): LoadedKubeConfig {
  const config = new KubeConfig();
  const origin = load(config, choice);
  if (choice.context !== undefined) {
    const names = config.getContexts().map(({ name }) => name);
    if (!names.includes(choice.context)) {
      throw new Error(`${origin} has no context "${choice.context}", only ${names.join(', ')}`);
    }
    config.setCurrentContext(choice.context);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null || cluster.server === FALLBACK_SERVER) {
    throw new Error(
      `no cluster found in ${origin}: give --kubeconfig FILE, set KUBECONFIG, or run inside a pod with a service account`,
    );
  }
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace;
  return { config, origin, server: cluster.server, namespace: namespace ?? 'default' };
}

function load(config: KubeConfig, choice: KubeConfigChoice): string {
  const origin = originOf(choice);
  try {
    if (choice.path !== undefined) {
      config.loadFromFile(choice.path);
    } else if (!choice.fromEnvironment && existsSync(SERVICE_ACCOUNT_TOKEN)) {
      config.loadFromCluster();
      return 'service account';
    } else {
      config.loadFromDefault();
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${origin} cannot be read as a kubeconfig: ${why}`, { cause: error });
  }
  return origin;
}

function originOf(choice: KubeConfigChoice): string {
  if (choice.path !== undefined) {
    return `file ${choice.path}`;
  }
  return choice.fromEnvironment ? `KUBECONFIG=${choice.fromEnvironment}` : 'the default kubeconfig';
}

/** In a pod the mounted account comes before ~/.kube/config: an image may carry a home folder. */
const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
/** What the library makes up when it finds nothing. */
const FALLBACK_SERVER = 'http://localhost:8080';
