/**
 * Flow received → quarantine accepted by the API server, for a hit that is hard by itself (a listed mining pool).
 *
 * From just before the flow is handed to a real Hubble server until a watch of the bench's own sees the deny policy with
 * the pod's id: Hubble's ring and gRPC, decoding, detection, AgentIncident, pass and write, and the bench's watch on top.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startHubble } from '../../hack/rig/hubble.ts';
import { startOperator } from '../../hack/rig/operator.ts';
import type { KubeObject } from '../../src/api/v1alpha1/types.ts';
import { RESOURCES } from '../../src/kube/resources.ts';
import { poolFlows } from './flows.ts';
import { machine, print, summary } from './report.ts';
import { type BenchStage, setStage } from './stage.ts';

const PODS = 100;
const NAMESPACE = 'bench';

export async function benchQuarantine(): Promise<void> {
  print(`flow handed to Hubble -> quarantine accepted by the API server (${machine()})`);
  const stage = await setStage();
  const hubble = await startHubble();
  try {
    const operator = await startOperator(stage.cluster, { flows: [`unix://${hubble.socketPath}`] });
    const ids = await createPods(stage);
    const waiting = new Map<string, (atMs: number) => void>();
    await stage.watchPolicies(({ object }, atMs) => {
      if (object.metadata.labels?.['bulkhead.dev/role'] === 'quarantine') {
        const text = JSON.stringify(object);
        for (const [id, resolve] of waiting) {
          if (text.includes(id)) {
            waiting.delete(id);
            resolve(atMs);
          }
        }
      }
    });
    const latencies: number[] = [];
    for (const [index, id] of ids.entries()) {
      const accepted = new Promise<number>((resolve) => waiting.set(id, resolve));
      const startedMs = performance.now();
      await hubble.write(poolFlows(NAMESPACE, podName(index), new Date()));
      latencies.push((await accepted) - startedMs);
      await sleep(20);
    }
    print(`  ${summary(latencies)}`);
    await operator.stop();
  } finally {
    await hubble.stop();
    await stage.stop();
  }
}

/** Pods as admission stamps them; returns their ids in order. */
async function createPods({ client }: BenchStage): Promise<string[]> {
  await client.create(RESOURCES.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await client.create(RESOURCES.agentSandboxes, {
    apiVersion: 'bulkhead.dev/v1alpha1',
    kind: 'AgentSandbox',
    metadata: { namespace: NAMESPACE, name: 'agents' },
    spec: {
      selector: { podSelector: { matchLabels: { app: 'agent' } } },
      admission: { podSecurity: 'Baseline', requireLimits: false },
    },
  } as never);
  await sleep(2000);
  const ids: string[] = [];
  for (let index = 0; index < PODS; index += 1) {
    const pod = await client.create<KubeObject>(RESOURCES.pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: NAMESPACE, name: podName(index), labels: { app: 'agent' } },
      spec: { containers: [{ name: 'agent', image: 'registry.example.com/agent:1' }] },
    } as never);
    ids.push(pod.metadata.labels?.['bulkhead.dev/pod-id'] ?? '');
  }
  if (ids.includes('')) {
    throw new Error('a pod was admitted without an id');
  }
  return ids;
}

const podName = (index: number) => `agent-${index}`;
