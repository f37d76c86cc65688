/**
 * The gRPC source as a flow source like any other, on Hubble's own server and relay, with every kind of interruption.
 */
import type { RunningHubble } from '../../hack/rig/hubble.ts';
import { startHubble } from '../../hack/rig/hubble.ts';
import { openFlowSource } from '../../src/flows/sources/open.ts';
import { describeSource } from '../../src/flows/sources/source.conformance.ts';
import { QUICK } from '../support/hubble.ts';

const SUBJECTS: {
  name: string;
  relay?: boolean;
  address(hubble: RunningHubble): string;
  disturb(hubble: RunningHubble): Promise<void>;
}[] = [
  {
    name: "a node's socket whose server closes",
    address: (hubble) => `unix://${hubble.socketPath}`,
    async disturb({ nodes: [node] }) {
      await node?.close();
      await node?.open();
    },
  },
  {
    name: "a node's port whose agent crashes",
    address: (hubble) => `hubble+grpc://${hubble.nodeAddress}`,
    async disturb({ nodes: [node] }) {
      await node?.kill();
      await node?.start();
    },
  },
  {
    name: 'a relay that crashes',
    relay: true,
    address: (hubble) => `hubble+grpc://${hubble.relayAddress}`,
    async disturb(hubble) {
      await hubble.killRelay();
      await hubble.startRelay();
    },
  },
  {
    name: 'a relay whose node crashes',
    relay: true,
    address: (hubble) => `hubble+grpc://${hubble.relayAddress}`,
    async disturb({ nodes: [node] }) {
      await node?.kill();
      await node?.start();
    },
  },
];

for (const { name, relay = false, address, disturb } of SUBJECTS) {
  describeSource(name, async () => {
    const hubble = await startHubble({ relay });
    return {
      // From the beginning of time: the suite writes before it reads, as nobody does in a cluster.
      source: openFlowSource(address(hubble), { ...QUICK, sinceMs: 0 }),
      write: (lines) => hubble.write(lines),
      disturb: () => disturb(hubble),
      stop: () => hubble.stop(),
    };
  });
}
