/**
 * Three projects: `unit` needs nothing but the checkout, `cluster` a real API server and `node` a real node, each started
 * once for all files. `npx vitest run --project unit` is the quick loop.
 */
import { defineConfig } from 'vitest/config';
import { plainLineReporter } from './test/support/plain-line-reporter.ts';

const NEEDS_CLUSTER = ['test/cluster/**/*.test.ts', 'test/faults/**/*.test.ts'];
const NEEDS_NODE = ['test/node/**/*.test.ts'];

export default defineConfig({
  test: {
    reporters: ['default', plainLineReporter()],
    // As many as the smallest machine has cores: more would only make a busy API server miss deadlines.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'hack/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...NEEDS_CLUSTER, ...NEEDS_NODE],
          // The machine may be building something beside the tests.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'cluster',
          include: NEEDS_CLUSTER,
          globalSetup: ['test/support/cluster-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'node',
          include: NEEDS_NODE,
          globalSetup: ['test/support/node-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
