/**
 * The options of commands that talk to a cluster, as kubectl spells them, and the client they lead to.
 */
import path from 'node:path';
import type { Command } from 'commander';
import { ApiError } from '../api/errors.ts';
import { FIELD_MANAGER } from '../api/v1alpha1/labels.ts';
import type { KubeClient } from '../kube/client.ts';
import { type CommandIo, EXIT, UsageError } from './io.ts';

export interface ClusterOptions {
  kubeconfig?: string;
  context?: string;
  namespace?: string;
}

export interface ClusterAccess {
  client: KubeClient;
  /** The namespace asked for, or the context's own. */
  namespace: string;
}

/** Adds `--kubeconfig`, `--context` and `--namespace` to a command. */
export function addClusterOptions(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'kubeconfig to use instead of $KUBECONFIG or ~/.kube/config')
    .option('--context <name>', 'context of the kubeconfig to use')
    .option('-n, --namespace <name>', 'namespace (default: that of the context)');
}

/**
 * Runs something against the cluster and closes the connections. What the API server refuses is printed as its own
 * sentence, without a stack.
 */
export async function withCluster<T>(
  io: CommandIo,
  options: ClusterOptions,
  body: (access: ClusterAccess) => Promise<T>,
): Promise<T> {
  const access = await openCluster(io, options);
  try {
    return await body(access);
  } catch (error) {
    throw error instanceof ApiError ? new UsageError(refusal(error), EXIT.failure) : error;
  } finally {
    await access.client.close();
  }
}

async function openCluster(io: CommandIo, options: ClusterOptions): Promise<ClusterAccess> {
  // Loaded here: the Kubernetes library takes half a second, which offline commands need not wait for.
  const [{ KubeClient }, { loadKubeConfig }, { Transport }] = await Promise.all([
    import('../kube/client.ts'),
    import('../kube/kube-config.ts'),
    import('../kube/transport.ts'),
  ]);
  try {
    const loaded = loadKubeConfig({
      path: options.kubeconfig === undefined ? undefined : path.resolve(io.cwd, options.kubeconfig),
      context: options.context,
      fromEnvironment: io.env['KUBECONFIG'],
    });
    const client = new KubeClient({ transport: new Transport(loaded.config), fieldManager: FIELD_MANAGER });
    return { client, namespace: options.namespace ?? loaded.namespace };
  } catch (error) {
    throw error instanceof Error ? new UsageError(error.message) : error;
  }
}

function refusal(error: ApiError): string {
  if (error.status === 0) {
    return error.message;
  }
  const hint = error.status === 403 ? ' Ask for the ClusterRole bulkhead-responder in this namespace.' : '';
  return `the API server says ${error.status} ${error.code}: ${error.message}.${hint}`;
}
