/**
 * Everything the compiler writes is legal: the real API server takes it with strict field validation, against its own
 * NetworkPolicy and Cilium's real CRDs, and gives it back unchanged, so that there is nothing for drift to be found in.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../../src/policy/compile.ts';
import { ENGINES, type PolicyObject } from '../../src/policy/plan.ts';
import { useCluster } from '../support/cluster.ts';
import { goldenCases } from '../support/golden-cases.ts';
import { clusterFacts, policyInput } from '../support/policy-inputs.ts';

const cluster = useCluster();

interface Answer {
  spec?: unknown;
  message?: string;
}

/** Server-side apply as the operator does it, without keeping the result. */
async function judge(object: PolicyObject): Promise<{ status: number; body: Answer }> {
  const namespace = await cluster.namespace();
  const plural = object.kind === 'NetworkPolicy' ? 'networkpolicies' : 'ciliumnetworkpolicies';
  const path = `/apis/${object.apiVersion}/namespaces/${namespace}/${plural}/${object.metadata.name}`;
  return cluster.api.request<Answer>(
    'PATCH',
    `${path}?fieldManager=bulkhead&force=true&dryRun=All&fieldValidation=Strict`,
    { body: { ...object, metadata: { ...object.metadata, namespace } }, contentType: 'application/apply-patch+yaml' },
  );
}

async function expectLegal(object: PolicyObject): Promise<void> {
  const { status, body } = await judge(object);
  const what = `${object.kind} ${object.metadata.name}: ${body.message ?? ''}`;
  expect(status, what).toBe(201);
  expect(body.spec, what).toEqual(object.spec);
}

describe.each(goldenCases())('golden case $name', ({ input, facts }) => {
  it.each(ENGINES)('is taken as written, for %s', async (engine) => {
    for (const object of compilePolicy(input, facts(engine)).objects) {
      await expectLegal(object);
    }
  });
});

it('random sandboxes are taken as written', async () => {
  await fc.assert(
    fc.asyncProperty(policyInput, clusterFacts, async (given, facts) => {
      for (const object of compilePolicy(given, facts).objects) {
        await expectLegal(object);
      }
    }),
    { numRuns: 60 },
  );
});

describe('the judge knows what is illegal:', () => {
  const metadata = { name: 'illegal' };
  const pods = { matchLabels: { app: 'agent' } };
  const block = { ipBlock: { cidr: '10.0.0.0/8', except: ['192.168.0.0/16'] } };
  it.each<[string, PolicyObject]>([
    [
      'an exception outside its network',
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata,
        spec: { podSelector: pods, egress: [{ to: [block] }] },
      },
    ],
    [
      'a field that Cilium does not have',
      {
        apiVersion: 'cilium.io/v2',
        kind: 'CiliumNetworkPolicy',
        metadata,
        spec: { endpointSelector: pods, egressDenied: [{ toEntities: ['all'] }], egress: [{}] },
      },
    ],
  ])('%s', async (_what, object) => {
    const { status } = await judge(object);
    expect(status).toBeGreaterThanOrEqual(400);
  });
});
