/**
 * Edit of an AgentSandbox → NetworkPolicy written, with 1 000 sandboxes in the cluster.
 *
 * From just before the PATCH request is sent until a watch of the bench's own sees the changed NetworkPolicy: the
 * operator's watch, its pass and its write, and the bench's watch on top. Edits come one at a time, as people make them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startOperator } from '../../hack/rig/operator.ts';
import { residentMebibytes } from '../../hack/rig/server-process.ts';
import type { AgentSandbox } from '../../src/api/v1alpha1/types.ts';
import { RESOURCES } from '../../src/kube/resources.ts';
import { machine, print, summary } from './report.ts';
import { type BenchStage, setStage } from './stage.ts';

const SANDBOXES = 1000;
const NAMESPACES = 20;
const EDITS = 300;

export async function benchEdits(): Promise<void> {
  print(`edit of an AgentSandbox -> NetworkPolicy written, ${SANDBOXES} sandboxes (${machine()})`);
  const stage = await setStage();
  try {
    await createSandboxes(stage);
    const operator = await startOperator(stage.cluster);
    const waiting = new Map<string, (atMs: number) => void>();
    await stage.watchPolicies(({ object }, atMs) => {
      const key = `${object.metadata.namespace}/${object.metadata.name} ${JSON.stringify(object)}`;
      for (const [marker, resolve] of waiting) {
        if (key.includes(marker)) {
          waiting.delete(marker);
          resolve(atMs);
        }
      }
    });
    await settled(stage);
    const latencies: number[] = [];
    for (let edit = 0; edit < EDITS; edit += 1) {
      latencies.push(await measureEdit(stage, waiting, edit));
    }
    print(`  ${summary(latencies)}`);
    print(`  operator RSS ${residentMebibytes(operator.pid)} MiB`);
    await operator.stop();
  } finally {
    await stage.stop();
  }
}

async function measureEdit(
  { client }: BenchStage,
  waiting: Map<string, (atMs: number) => void>,
  edit: number,
): Promise<number> {
  const index = (edit * 7919) % SANDBOXES;
  // A port no other edit uses tells this one's write from all others.
  const port = 20_000 + edit;
  const written = new Promise<number>((resolve) => waiting.set(`"port":${port}`, resolve));
  const ref = { resource: RESOURCES.agentSandboxes, namespace: namespaceOf(index), name: nameOf(index) };
  const body = [{ op: 'replace', path: '/spec/egress/allow/0/ports/0/port', value: port }];
  const startedMs = performance.now();
  await client.patch(ref, { type: 'json', body });
  return (await written) - startedMs;
}

async function createSandboxes({ client }: BenchStage): Promise<void> {
  for (let n = 0; n < NAMESPACES; n += 1) {
    await client.create(RESOURCES.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: `bench-${n}` },
    });
  }
  for (let index = 0; index < SANDBOXES; index += 1) {
    await client.create(RESOURCES.agentSandboxes, {
      apiVersion: 'bulkhead.dev/v1alpha1',
      kind: 'AgentSandbox',
      metadata: { namespace: namespaceOf(index), name: nameOf(index) },
      spec: {
        selector: { podSelector: { matchLabels: { app: nameOf(index) } } },
        egress: { allow: [{ name: 'web', to: [{ cidr: '203.0.113.0/24' }], ports: [{ port: 443 }] }] },
      },
    } as never);
  }
}

/** Waits until every sandbox has its policy and nothing is written any more. */
async function settled({ client }: BenchStage): Promise<void> {
  for (;;) {
    const ready = (await client.list<AgentSandbox>(RESOURCES.agentSandboxes)).filter(({ status }) =>
      status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
    );
    if (ready.length === SANDBOXES) {
      return;
    }
    await sleep(500);
  }
}

const namespaceOf = (index: number) => `bench-${index % NAMESPACES}`;
const nameOf = (index: number) => `sandbox-${index}`;
