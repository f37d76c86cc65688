/**
 * Bulkhead installed as a user installs it (`kubectl apply -k config/default`, operator as a pod with its own ServiceAccount,
 * RBAC and webhook Service), on real pods and real packets: one of three replicas mines, and is cut off alone.
 */
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { CHECKOUT } from '../../hack/rig/folders.ts';
import { IMAGES } from '../../hack/rig/node/images/recipes.ts';
import { POD_ID_LABEL, QUARANTINE_LABEL, SANDBOX_LABEL } from '../../src/api/v1alpha1/labels.ts';
import type { AgentIncident } from '../../src/api/v1alpha1/types.ts';
import { describeNode, useNode } from '../support/node.ts';
import { until } from '../support/operator-world.ts';

const WORKERS = ['worker-0', 'worker-1', 'worker-2'];

describeNode('a pod that mines on a real node', () => {
  const node = useNode();

  beforeAll(async () => {
    await ok(['apply', '--server-side', '-k', join(CHECKOUT, 'config/default')]);
    // One replica for one node, and Hubble where this node has it; everything else is as users get it.
    const flows = `--flows=hubble+grpc://${node.nodeIp}:4244`;
    const patch = [
      { op: 'replace', path: '/spec/replicas', value: 1 },
      { op: 'replace', path: '/spec/template/spec/containers/0/args', value: ['operator', flows] },
    ];
    await ok(['-n', 'bulkhead-system', 'patch', 'deployment', 'bulkhead', '--type=json', '-p', JSON.stringify(patch)]);
    await ok(['-n', 'bulkhead-system', 'rollout', 'status', 'deployment/bulkhead', '--timeout=120s']);
    await node.apply([sandbox()]);
    await until('the sandbox to be seen', async () => (await get('asb', 'workers'))?.includes('"Ready"') === true);
    await until('the workers to be admitted', async () => (await createWorkers()) === 0);
    for (const name of WORKERS) {
      await ok(['wait', '--for=condition=Ready', '-n', node.namespace, `pod/${name}`, '--timeout=60s']);
    }
  }, 240_000);

  it('was stamped at admission, by the webhook that the API server reaches through its Service', async () => {
    const ids = await Promise.all(WORKERS.map(async (name) => (await labels(name))[POD_ID_LABEL]));
    expect(new Set(ids).size).toBe(3);
    expect((await labels('worker-0'))[SANDBOX_LABEL]).toBe('workers');
  });

  it('reaches what the sandbox allows and nothing else', async () => {
    expect(await dial('worker-0', node.outside.addresses.web, 9000)).toBe(0);
    expect(await dial('worker-0', node.outside.addresses.database, 5432)).not.toBe(0);
    expect(await dial('worker-0', '169.254.169.254', 80)).not.toBe(0);
    expect(await dial('worker-0', '10.96.0.1', 443)).not.toBe(0);
  });

  it('is found over Hubble, cut off alone with its open connection, and stays observable', async () => {
    await until('every worker to talk', async () =>
      (await Promise.all(WORKERS.map(echoes))).every((count) => count > 0),
    );
    await exec('worker-1', [
      'sh',
      '-c',
      '(echo \'{"id":1,"method":"mining.subscribe"}\'; sleep 3) | timeout 5 ncat pool.supportxmr.com 3333',
    ]);
    await until('containment', async () => (await incident())?.status?.phase === 'Contained');
    const found = await incident();
    expect(found?.spec).toMatchObject({ detector: 'CryptoMining', pod: { name: 'worker-1' }, response: 'Quarantine' });
    expect(found?.status?.quarantine?.engine).toBe('Cilium');
    expect((await labels('worker-1'))[QUARANTINE_LABEL]).toBe(found?.metadata.name);

    // Its open connection is dead: the count of answers stands still; those of the others go on.
    await until('its answers to stop', async () => (await grows('worker-1')) === 0);
    expect(await dial('worker-1', node.outside.addresses.web, 9000)).not.toBe(0);
    expect(await grows('worker-0')).toBeGreaterThan(0);
    expect(await grows('worker-2')).toBeGreaterThan(0);

    // The kubelet still reaches it, and so does a person who looks.
    const { restarts, ready } = await condition('worker-1');
    expect({ restarts, ready }).toEqual({ restarts: 0, ready: 'True' });
    expect((await exec('worker-1', ['cat', '/etc/hostname'])).stdout.trim()).toBe('worker-1');
  });

  it('is let go by a person’s approval, in the record and in its policies', async () => {
    const found = await incident();
    const approval = '[{"op":"add","path":"/status/approvals/-","value":{"reason":"drill"}}]';
    const name = found?.metadata.name ?? '';
    await ok(['-n', node.namespace, 'patch', 'ainc', name, '--subresource=status', '--type=json', '-p', approval]);
    await until(
      'the release',
      async () => (JSON.parse((await get('ainc', name)) ?? '{}') as AgentIncident).status?.phase === 'Released',
    );
  });

  async function ok(args: readonly string[], stdin?: string): Promise<void> {
    const { code, stderr } = await node.kubectl(args, stdin);
    expect(code === 0 ? '' : `kubectl ${args.join(' ')}: ${stderr}`).toBe('');
  }

  async function get(resource: string, name: string): Promise<string | undefined> {
    const { code, stdout } = await node.kubectl(['-n', node.namespace, 'get', resource, name, '-o', 'json']);
    return code === 0 ? stdout : undefined;
  }

  async function labels(name: string): Promise<Record<string, string>> {
    const text = await get('pod', name);
    return (JSON.parse(text ?? '{}') as { metadata?: { labels?: Record<string, string> } }).metadata?.labels ?? {};
  }

  async function condition(name: string): Promise<{ ready: string; restarts: number }> {
    const { status } = JSON.parse((await get('pod', name)) ?? '{}') as PodStatus;
    const ready = status.conditions.find(({ type }) => type === 'Ready')?.status ?? '';
    return { ready, restarts: status.containerStatuses[0]?.restartCount ?? -1 };
  }

  async function incident(): Promise<AgentIncident | undefined> {
    const { stdout } = await node.kubectl(['-n', node.namespace, 'get', 'ainc', '-o', 'json']);
    return (JSON.parse(stdout) as { items: AgentIncident[] }).items.find(({ spec }) => spec.response === 'Quarantine');
  }

  function exec(name: string, command: readonly string[]) {
    return node.exec({ namespace: node.namespace, name }, command);
  }

  async function dial(name: string, address: string, port: number): Promise<number> {
    return (await exec(name, ['ncat', '-z', '-w', '1', address, String(port)])).code;
  }

  /** How many answers its open connection has had so far. */
  async function echoes(name: string): Promise<number> {
    return Number((await exec(name, ['sh', '-c', 'wc -l < /tmp/echoes'])).stdout);
  }

  /** How many more it gets in two seconds: some twenty where the connection lives. */
  async function grows(name: string): Promise<number> {
    const before = await echoes(name);
    await exec(name, ['sleep', '2']);
    return (await echoes(name)) - before;
  }

  async function createWorkers(): Promise<number> {
    const list = { apiVersion: 'v1', kind: 'List', items: WORKERS.map(worker) };
    return (await node.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(list))).code;
  }

  /** Sends a line ten times a second on one connection and keeps what comes back; serves its own readiness probe. */
  function worker(name: string): object {
    const talk = `(while :; do echo $((i=i+1)); sleep 0.1; done) | ncat ${node.outside.addresses.web} 9000 > /tmp/echoes`;
    const script = `mkdir -p /tmp/www && touch /tmp/www/index.html && busybox httpd -p 8080 -h /tmp/www && ${talk}; sleep infinity`;
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: node.namespace, name, labels: { app: 'worker' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'worker',
            image: IMAGES.agent,
            imagePullPolicy: 'Never',
            command: ['sh', '-c', script],
            readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
            livenessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
          },
        ],
      },
    };
  }

  function sandbox(): object {
    return {
      apiVersion: 'bulkhead.dev/v1alpha1',
      kind: 'AgentSandbox',
      metadata: { namespace: node.namespace, name: 'workers' },
      spec: {
        selector: { podSelector: { matchLabels: { app: 'worker' } } },
        admission: { podSecurity: 'Baseline', requireLimits: false },
        egress: {
          allow: [
            { name: 'echo', to: [{ cidr: `${node.outside.addresses.web}/32` }], ports: [{ port: 9000 }] },
            // A pool that somebody allowed by mistake: only then can it be reached, and detection has the last word.
            { name: 'mistake', to: [{ fqdn: 'pool.supportxmr.com' }], ports: [{ port: 3333 }] },
          ],
        },
      },
    };
  }
});

interface PodStatus {
  status: { conditions: { type: string; status: string }[]; containerStatuses: { restartCount: number }[] };
}
