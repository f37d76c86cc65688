/**
 * Starts the one node that all files of the `node` project share, with Bulkhead's CRDs, and ends it after the last.
 *
 * Where the machine cannot run a node (no root, no kernel option, a package missing), it says why and the tests are
 * skipped; a node that the machine should be able to run and that does not start is a failure.
 */
import process from 'node:process';
import type { TestProject } from 'vitest/node';
import { bulkheadCrdPaths } from '../../hack/rig/crds.ts';
import { describeLacks, findLacks } from '../../hack/rig/node/preflight.ts';
import { startNode } from '../../hack/rig/node/start-node.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Name of the shared node; empty where the machine cannot run one. */
    node: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const lacks = await findLacks();
  if (lacks.length > 0) {
    process.stdout.write(`${describeLacks(lacks)}\nThe tests of the project "node" are skipped.\n`);
    project.provide('node', '');
    return async () => undefined;
  }
  const name = `test-${process.pid}`;
  const cluster = await startNode({ name, crds: bulkheadCrdPaths() });
  project.provide('node', name);
  return () => cluster.stop();
}
