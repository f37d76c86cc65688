import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { serviceAccountKubeconfig } from '../../hack/rig/service-account.ts';
import type { AgentSandbox } from '../../src/api/v1alpha1/types.ts';
import { poolFlows } from '../bench/flows.ts';
import { podManifest, sandboxManifest, until, useOperatorWorld } from '../support/operator-world.ts';

// Without a lease: a process that is killed and started again would wait 15 s for its own to run out.
const world = useOperatorWorld({ cilium: true, args: ['--leader-election=false'] });

interface Labelled {
  metadata: { labels: Record<string, string>; resourceVersion: string };
  spec: Record<string, unknown>;
}

const podLabels = async (namespace: string, name: string) =>
  (await world.get<Labelled>(namespace, 'pod', name))?.metadata.labels ?? {};

/** A namespace with one sandbox and its pods, admitted and governed. */
async function governed(app: string, pods: readonly string[], spec: object = {}): Promise<string> {
  const namespace = await world.namespace();
  await world.apply(sandboxManifest(namespace, app, spec));
  await until('the sandbox to be ready', async () =>
    (await world.condition(namespace, app, 'Ready')).startsWith('True'),
  );
  await until('admission to cover the namespace', async () => {
    const { stdout } = await world.cluster.kubectl(['get', 'validatingwebhookconfiguration', 'bulkhead', '-o', 'json']);
    return stdout.includes(`"${namespace}"`);
  });
  for (const pod of pods) {
    const applied = await world.apply(podManifest(namespace, pod, app));
    expect(applied.stderr).toBe('');
  }
  return namespace;
}

/** Kubeconfig of somebody outside the namespace who holds a role in it. */
async function person(namespace: string, name: string, role: string): Promise<string> {
  await world.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name } });
  await world.cluster.kubectl([
    '-n',
    namespace,
    'create',
    'rolebinding',
    name,
    `--clusterrole=${role}`,
    `--serviceaccount=default:${name}`,
  ]);
  return serviceAccountKubeconfig(world.cluster, 'default', name);
}

describe('an AgentSandbox', () => {
  it('becomes a NetworkPolicy and a CiliumNetworkPolicy, and they go with it', async () => {
    const namespace = await governed('web', ['web-0']);
    expect(await world.names(namespace, 'networkpolicies')).toEqual(['bulkhead-web', 'bulkhead-web-floor']);
    expect(await world.names(namespace, 'ciliumnetworkpolicies.cilium.io')).toEqual(['bulkhead-web']);
    expect(await world.condition(namespace, 'web', 'PolicyEnforced')).toBe('True/PoliciesInPlace');
    await world.cluster.kubectl(['-n', namespace, 'delete', 'asb', 'web']);
    await until('the policies to go', async () => (await world.names(namespace, 'networkpolicies')).length === 0);
  });

  it('puts back what somebody changes or deletes', async () => {
    const namespace = await governed('drift', []);
    const before = await world.get<Labelled>(namespace, 'networkpolicy', 'bulkhead-drift');
    await world.cluster.kubectl([
      '-n',
      namespace,
      'patch',
      'networkpolicy',
      'bulkhead-drift',
      '--type=merge',
      '-p',
      '{"spec":{"egress":[{}]}}',
    ]);
    await until('the change to be undone', async () => {
      const now = await world.get<Labelled>(namespace, 'networkpolicy', 'bulkhead-drift');
      return JSON.stringify(now?.spec) === JSON.stringify(before?.spec);
    });
    await world.cluster.kubectl(['-n', namespace, 'delete', 'networkpolicy', 'bulkhead-drift-floor']);
    await until('the policy to be written again', async () =>
      (await world.names(namespace, 'networkpolicies')).includes('bulkhead-drift-floor'),
    );
  });

  it('never overwrites a policy of the same name that is somebody else’s, and says so', async () => {
    const namespace = await world.namespace();
    const theirs = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { namespace, name: 'bulkhead-taken' },
      spec: { podSelector: { matchLabels: { app: 'theirs' } }, policyTypes: ['Egress'] },
    };
    await world.apply(theirs);
    await world.apply(sandboxManifest(namespace, 'taken'));
    await until(
      'the sandbox to stall',
      async () => (await world.condition(namespace, 'taken', 'Stalled')) === 'True/NameConflict',
    );
    const kept = await world.get<Labelled>(namespace, 'networkpolicy', 'bulkhead-taken');
    expect(kept?.spec).toEqual(theirs.spec);
    expect(await world.names(namespace, 'networkpolicies')).toContain('bulkhead-taken-floor');
  });

  it('says so when it selects nothing', async () => {
    const namespace = await governed('nobody', []);
    expect(await world.condition(namespace, 'nobody', 'PolicyEnforced')).toBe('False/NoPodsSelected');
  });

  it('names the fields it does not act on yet', async () => {
    const namespace = await governed('later', [], { response: { circuitBreaker: { incidents: 3, window: '5m' } } });
    const sandbox = await world.get<AgentSandbox>(namespace, 'asb', 'later');
    expect(sandbox?.status?.notYetEnforced).toContain('spec.response.circuitBreaker');
  });

  it('gives pods that were there before it their labels', async () => {
    const namespace = await world.namespace();
    await world.apply(podManifest(namespace, 'early', 'early'));
    await world.apply(sandboxManifest(namespace, 'early'));
    await until('the pod to be stamped', async () => {
      const labels = await podLabels(namespace, 'early');
      return labels['bulkhead.dev/sandbox'] === 'early' && /^[0-9a-f]{16}$/.test(labels['bulkhead.dev/pod-id'] ?? '');
    });
  });

  it('shares no pod: what two sandboxes select is refused with both names', async () => {
    const namespace = await governed('one', ['first']);
    const rival = sandboxManifest(namespace, 'two', { selector: { podSelector: { matchLabels: { app: 'one' } } } });
    await world.apply(rival);
    await until(
      'the overlap to be told',
      async () => (await world.condition(namespace, 'one', 'PolicyEnforced')) === 'False/SelectorOverlap',
    );
    const refused = await world.apply(podManifest(namespace, 'second', 'one'));
    expect(refused.stderr).toMatch(/one.*two|two.*one/s);
    expect((await podLabels(namespace, 'first'))['bulkhead.dev/sandbox']).toBe('one');
  });

  it('in Lockdown denies everything and admits nobody', async () => {
    const namespace = await governed('locked', ['locked-0']);
    await world.cluster.kubectl([
      '-n',
      namespace,
      'patch',
      'asb',
      'locked',
      '--type=merge',
      '-p',
      '{"spec":{"mode":"Lockdown"}}',
    ]);
    await until('the allow policy to become a lockdown', async () => {
      const policy = await world.get<Labelled>(namespace, 'networkpolicy', 'bulkhead-locked');
      return policy?.metadata.labels['bulkhead.dev/role'] === 'lockdown' && policy.spec['egress'] === undefined;
    });
    expect((await world.apply(podManifest(namespace, 'late', 'locked'))).stderr).toMatch(/Lockdown/);
  });
});

describe('a pod that mines', () => {
  it('is cut off alone, on evidence that came over Hubble’s wire', async () => {
    const namespace = await governed('miner', ['miner-0', 'miner-1']);
    await world.hubble.write(poolFlows(namespace, 'miner-0', new Date()));
    await until('the containment', async () =>
      (await world.incidents(namespace)).some(({ status }) => status?.phase === 'Contained'),
    );
    const [incident] = await world.incidents(namespace);
    expect(incident?.spec).toMatchObject({
      detector: 'CryptoMining',
      response: 'Quarantine',
      pod: { name: 'miner-0', id: (await podLabels(namespace, 'miner-0'))['bulkhead.dev/pod-id'] },
    });
    expect(incident?.spec.explanation).toContain('pool.supportxmr.com');
    expect(incident?.spec.evidence.length).toBeGreaterThan(0);
    const quarantine = await world.get<Labelled>(namespace, 'networkpolicy', 'bulkhead-miner-quarantine');
    expect(JSON.stringify(quarantine?.spec)).toContain(incident?.spec.pod.id);
    expect((await podLabels(namespace, 'miner-0'))['bulkhead.dev/quarantine']).toBe(incident?.metadata.name);
    expect((await podLabels(namespace, 'miner-1'))['bulkhead.dev/quarantine']).toBeUndefined();
  });

  it('in mode Observe is only told of, with what would have been done', async () => {
    const namespace = await governed('watched', ['watched-0'], { mode: 'Observe' });
    expect(await world.names(namespace, 'networkpolicies')).toEqual([]);
    await world.hubble.write(poolFlows(namespace, 'watched-0', new Date()));
    await until('the incident', async () => (await world.incidents(namespace)).length > 0);
    const [incident] = await world.incidents(namespace);
    expect(incident?.spec).toMatchObject({ action: 'Quarantine', response: 'Alert' });
    expect(incident?.spec.responseReason).toMatch(/would have quarantined/);
    expect(await world.names(namespace, 'networkpolicies')).toEqual([]);
  });
});

describe('people', () => {
  it('cut a pod off and let it go with bulkhead, each in their own name', async () => {
    const namespace = await governed('manual', ['manual-0']);
    const sam = await person(namespace, 'sam', 'bulkhead-responder');
    const cut = await world.bulkhead(sam, 'quarantine', 'manual-0', '-n', namespace, '--reason', 'odd logs');
    expect(cut).toMatchObject({ code: 0 });
    const [incident] = await world.incidents(namespace);
    expect(incident?.status?.phase).toBe('Contained');
    const name = incident?.metadata.name ?? '';
    expect((await world.bulkhead(sam, 'incidents', name, '-n', namespace)).stdout).toContain('odd logs');
    const released = await world.bulkhead(sam, 'release', name, '-n', namespace, '--reason', 'was a test');
    expect(released).toMatchObject({ code: 0 });
    const [after] = await world.incidents(namespace);
    expect(after?.status).toMatchObject({
      phase: 'Released',
      approvals: [{ approver: 'system:serviceaccount:default:sam', reason: 'was a test' }],
    });
    expect((await podLabels(namespace, 'manual-0'))['bulkhead.dev/quarantine']).toBeUndefined();
    expect(await world.names(namespace, 'networkpolicies')).toEqual(['bulkhead-manual', 'bulkhead-manual-floor']);
  });

  it('who only look are told what they lack', async () => {
    const namespace = await governed('looked', ['looked-0']);
    const viewer = await person(namespace, 'viewer', 'bulkhead-viewer');
    const refused = await world.bulkhead(viewer, 'quarantine', 'looked-0', '-n', namespace, '--reason', 'why not');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/403|Forbidden/);
    expect(await world.incidents(namespace)).toEqual([]);
  });

  it('use plain kubectl for both', async () => {
    const namespace = await governed('plain', ['plain-0']);
    await world.apply({
      apiVersion: 'bulkhead.dev/v1alpha1',
      kind: 'AgentIncident',
      metadata: { namespace, name: 'manual-plain' },
      spec: {
        sandbox: 'plain',
        pod: { name: 'plain-0' },
        detector: 'Manual',
        title: 'Cut off by hand',
        explanation: 'drill',
      },
    });
    await until('the containment', async () =>
      (await world.incidents(namespace)).some(({ status }) => status?.phase === 'Contained'),
    );
    const approval = '[{"op":"add","path":"/status/approvals/-","value":{"reason":"drill over"}}]';
    const patched = await world.cluster.kubectl([
      '-n',
      namespace,
      'patch',
      'ainc',
      'manual-plain',
      '--subresource=status',
      '--type=json',
      '-p',
      approval,
    ]);
    expect(patched.stderr).toBe('');
    await until('the release', async () =>
      (await world.incidents(namespace)).every(({ status }) => status?.phase === 'Released'),
    );
  });
});

describe('the operator', () => {
  it('serves health and metrics', async () => {
    expect((await fetch(`${world.operator.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${world.operator.url}/readyz`)).status).toBe(200);
    const metrics = await (await fetch(`${world.operator.url}/metrics`)).text();
    for (const name of ['controller_runtime_reconcile_total', 'workqueue_depth', 'bulkhead_findings_total']) {
      expect(metrics).toContain(name);
    }
  });

  it('finishes a quarantine that a kill -9 cut short, whenever it came', async () => {
    const namespace = await governed('killed', ['k-0', 'k-1', 'k-2', 'k-3', 'k-4']);
    // Spread over the few tens of milliseconds in which record, policies, label and verification are written.
    for (const [index, delayMs] of [0, 8, 16, 30, 60].entries()) {
      await world.apply({
        apiVersion: 'bulkhead.dev/v1alpha1',
        kind: 'AgentIncident',
        metadata: { namespace, name: `manual-${index}` },
        spec: {
          sandbox: 'killed',
          pod: { name: `k-${index}` },
          detector: 'Manual',
          title: 'Kill drill',
          explanation: 'killed in the middle',
        },
      });
      await sleep(delayMs);
      await world.operator.kill();
      await world.startOperator();
      await until(`manual-${index} to be contained`, async () => {
        const found = (await world.incidents(namespace)).find(({ metadata }) => metadata.name === `manual-${index}`);
        return found?.status?.phase === 'Contained';
      });
    }
    const quarantine = await world.get<Labelled>(namespace, 'networkpolicy', 'bulkhead-killed-quarantine');
    for (let index = 0; index < 5; index += 1) {
      const labels = await podLabels(namespace, `k-${index}`);
      expect(JSON.stringify(quarantine?.spec)).toContain(labels['bulkhead.dev/pod-id']);
      expect(labels['bulkhead.dev/quarantine']).toBe(`manual-${index}`);
    }
  });

  it('ends cleanly on SIGTERM, and what it wrote stays in force', async () => {
    const namespace = await governed('stays', ['stays-0']);
    expect(await world.operator.stop()).toBe(0);
    expect(await world.names(namespace, 'networkpolicies')).toContain('bulkhead-stays');
    const elsewhere = await world.namespace();
    expect((await world.apply(podManifest(elsewhere, 'free', 'free'))).code).toBe(0);
    expect((await world.apply(podManifest(namespace, 'waits', 'stays'))).code).not.toBe(0);
    await world.startOperator();
    await until(
      'pods to be admitted again',
      async () => (await world.apply(podManifest(namespace, 'waits', 'stays'))).code === 0,
    );
  });
});
