/**
 * Starts the one node that all files of the `node` project share, with Bulkhead's CRDs, and ends it after the last.
 *
 * Where the machine cannot run a node (no root, no kernel option, a package missing), it says why and the tests are
 * skipped; a node that the machine should be able to run and that does not start is a failure.
 */
import process from 'node:process';
import type { TestProject } from 'vitest/node';
import { bulkheadCrdPaths } from '../../hack/rig/crds.ts';
import { describeLacks, prepareMachine } from '../../hack/rig/node/preflight.ts';
import { startNode } from '../../hack/rig/node/start-node.ts';
import { progressTo } from '../../hack/rig/progress.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Name of the shared node; empty where the machine cannot run one. */
    node: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // For CI: what may be installed is not for a test run to decide.
  const install = process.env['BULKHEAD_RIG_INSTALL'] === '1';
  const lacks = await prepareMachine({ env: process.env, progress: progressTo(), install });
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
