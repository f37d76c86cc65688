/**
 * The shared node as a test file sees it: a namespace of its own, pods that run, and the wire. Where the machine can run
 * no node, `describeNode` skips, and the setup has said why.
 */
import { afterAll, beforeAll, describe, inject } from 'vitest';
import { IMAGES } from '../../hack/rig/node/images/recipes.ts';
import { type NodeCluster, openNode, type PodName } from '../../hack/rig/node/node-cluster.ts';
import type { Flow } from '../../src/flows/flow.ts';
import { openFlowSource } from '../../src/flows/sources/open.ts';

/** `describe` for tests that need a node. */
export const describeNode = describe.skipIf(inject('node') === '');

export interface TestNode extends Omit<NodeCluster, 'stop'> {
  /** The file's own namespace, deleted after its last test. */
  namespace: string;
  /** Starts a pod of the agent image in it and waits until it is Ready. */
  runPod(name: string, labels?: Readonly<Record<string, string>>, command?: readonly string[]): Promise<PodName>;
  /** Applies objects as an administrator. */
  apply(objects: readonly object[]): Promise<void>;
  /** Collects the namespace's flows, as Bulkhead reads them over gRPC, for as long as the test runs. */
  watchFlows(): FlowWatch;
}

export interface FlowWatch {
  flows: readonly Flow[];
  stop(): Promise<void>;
}

/** Connects the test file to the shared node; call it once, inside `describeNode`. */
export function useNode(): TestNode {
  const node = {} as TestNode;
  beforeAll(async () => {
    const cluster = await openNode(inject('node'));
    const { metadata } = await cluster.api.call('POST', '/api/v1/namespaces', {
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { generateName: 'test-' } },
    });
    Object.assign(node, cluster, extras(cluster, metadata.name));
  });
  afterAll(async () => {
    await node.api.request('DELETE', `/api/v1/namespaces/${node.namespace}`);
    node.api.close();
  });
  return node;
}

function extras(cluster: NodeCluster, namespace: string): Omit<TestNode, keyof NodeCluster> {
  return {
    namespace,
    async runPod(name, labels = {}, command = ['sleep', 'infinity']) {
      await ok(cluster, ['apply', '-f', '-'], JSON.stringify(agentPod({ namespace, name, labels, command })));
      await ok(cluster, ['wait', '--for=condition=Ready', '-n', namespace, `pod/${name}`, '--timeout=60s']);
      return { namespace, name };
    },
    async apply(objects) {
      const list = { apiVersion: 'v1', kind: 'List', items: objects };
      await ok(cluster, ['apply', '--server-side', '-f', '-'], JSON.stringify(list));
    },
    watchFlows() {
      const abort = new AbortController();
      const flows: Flow[] = [];
      const source = openFlowSource(`hubble+grpc://${cluster.hubbleAddress}`, { namespaces: [namespace] });
      const done = (async () => {
        for await (const batch of source.batches(abort.signal)) {
          flows.push(...batch.flatMap((event) => (event.kind === 'flow' ? [event.flow] : [])));
        }
      })();
      return {
        flows,
        async stop() {
          abort.abort();
          await done;
        },
      };
    },
  };
}

async function ok({ kubectl }: NodeCluster, args: readonly string[], stdin?: string): Promise<void> {
  const { code, stderr } = await kubectl(args, stdin);
  if (code !== 0) {
    throw new Error(`kubectl ${args.join(' ')}: ${stderr.trim()}`);
  }
}

interface AgentPod extends PodName {
  labels: Readonly<Record<string, string>>;
  command: readonly string[];
}

function agentPod({ namespace, name, labels, command }: AgentPod): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'agent', image: IMAGES.agent, imagePullPolicy: 'Never', command }],
    },
  };
}
