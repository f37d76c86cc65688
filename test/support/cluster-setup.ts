/**
 * Starts the one control plane that all files of the `cluster` project share, with Bulkhead's and Cilium's custom
 * resource definitions, and ends it after the last. Each file has its own namespace in it: see `cluster.ts`.
 */
import type { TestProject } from 'vitest/node';
import { type ControlPlaneAddress, startControlPlane } from '../../hack/rig/control-plane.ts';
import { bulkheadCrdPaths, ciliumCrdPaths } from '../../hack/rig/crds.ts';
import { buildGo } from '../../hack/rig/go-build.ts';
import { RigError } from '../../hack/rig/rig-error.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where the shared control plane is. */
    cluster: ControlPlaneAddress;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  try {
    await buildGo('hubble-feeder'); // here rather than in the first test that needs it, whose patience is limited
    const cluster = await startControlPlane({ crds: [...bulkheadCrdPaths(), ...(await ciliumCrdPaths())] });
    const { kubeconfigPath, folder, webhookHost } = cluster;
    project.provide('cluster', { kubeconfigPath, folder, webhookHost });
    return () => cluster.stop();
  } catch (error) {
    if (error instanceof RigError) {
      error.stack = error.message; // what the machine lacks is no bug to trace
    }
    throw error;
  }
}
