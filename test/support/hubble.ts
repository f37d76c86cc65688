/**
 * A real Hubble for the tests of one file: started by each test as it needs it, ended after it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { type HubbleOptions, type RunningHubble, startHubble } from '../../hack/rig/hubble.ts';
import type { HubbleSource } from '../../src/flows/sources/hubble-grpc.ts';
import { type OpenOptions, openFlowSource } from '../../src/flows/sources/open.ts';
import { reader } from '../../src/flows/sources/source.conformance.ts';

/** Retries and looks that a test can wait for. */
export const QUICK: OpenOptions = { backoff: { minMs: 20, maxMs: 200 }, watchdogMs: 100, random: () => 0 };

export function useHubble() {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) {
      await cleanup();
    }
  });
  return {
    async start(options: HubbleOptions = {}): Promise<RunningHubble> {
      const hubble = await startHubble(options);
      cleanups.push(() => hubble.stop());
      return hubble;
    },
    /** A reader of the source at the address. */
    read(address: string, options: OpenOptions = {}) {
      const source = openFlowSource(address, { ...QUICK, ...options }) as HubbleSource;
      const reading = reader(source);
      cleanups.push(() => reading.close());
      return { source, ...reading };
    },
    folder(): string {
      const folder = mkdtempSync(join(tmpdir(), 'bulkhead-hubble-test-'));
      cleanups.push(() => rmSync(folder, { recursive: true }));
      return folder;
    },
    afterwards: (cleanup: () => unknown) => void cleanups.push(cleanup),
  };
}
