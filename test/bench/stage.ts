/**
 * What the end-to-end benchmarks run on: a real control plane, Bulkhead installed, and a client that watches it.
 */
import { type ControlPlane, startControlPlane } from '../../hack/rig/control-plane.ts';
import { bulkheadCrdPaths } from '../../hack/rig/crds.ts';
import { installBulkhead } from '../../hack/rig/operator.ts';
import { KubeClient } from '../../src/kube/client.ts';
import type { WatchEvent } from '../../src/kube/client-options.ts';
import { loadKubeConfig } from '../../src/kube/kube-config.ts';
import { RESOURCES } from '../../src/kube/resources.ts';
import { Transport } from '../../src/kube/transport.ts';

export interface BenchStage {
  cluster: ControlPlane;
  client: KubeClient;
  /** Calls back with every change of a NetworkPolicy, and when it arrived. */
  watchPolicies(onEvent: (event: WatchEvent, atMs: number) => void): Promise<void>;
  stop(): Promise<void>;
}

/** NetworkPolicy only: one policy engine, so that one write is what is measured. */
export async function setStage(): Promise<BenchStage> {
  const cluster = await startControlPlane({ crds: bulkheadCrdPaths() });
  await installBulkhead(cluster);
  const { config } = loadKubeConfig({ path: cluster.kubeconfigPath });
  const client = new KubeClient({ transport: new Transport(config), fieldManager: 'bulkhead-bench' });
  const abort = new AbortController();
  let watching: Promise<void> = Promise.resolve();
  return {
    cluster,
    client,
    watchPolicies: async (onEvent) => {
      let resourceVersion = '0';
      for await (const page of client.pages(RESOURCES.networkPolicies)) {
        resourceVersion = page.resourceVersion;
      }
      watching = follow(client, resourceVersion, abort.signal, onEvent);
    },
    stop: async () => {
      abort.abort();
      await watching;
      await client.close();
      await cluster.stop();
    },
  };
}

async function follow(
  client: KubeClient,
  resourceVersion: string,
  signal: AbortSignal,
  onEvent: (event: WatchEvent, atMs: number) => void,
): Promise<void> {
  const options = { resourceVersion, timeoutSeconds: 3600, idleTimeoutMs: 600_000, signal };
  try {
    for await (const event of client.watch(RESOURCES.networkPolicies, options)) {
      onEvent(event, performance.now());
    }
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
  }
}
