/** That the node is what the other tests take it for: pods run, policies bite on the wire, flows arrive. */
import { expect, it, vi } from 'vitest';
import { KUBERNETES_VERSION } from '../../hack/rig/go-toolchain.ts';
import { SANDBOX_LABEL } from '../../src/api/v1alpha1/labels.ts';
import { compilePolicy } from '../../src/policy/compile.ts';
import { describeNode, useNode } from '../support/node.ts';
import { sandboxSpec } from '../support/objects.ts';

const PATIENCE = { timeout: 30_000, interval: 100 };

describeNode('the node', () => {
  const node = useNode();

  it('is Ready under the kubelet of this version, and Cilium knows it', async () => {
    const { body } = await node.api.request<NodeObject>('GET', `/api/v1/nodes/${node.nodeName}`);
    expect(body.status.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
    expect(body.status.nodeInfo.kubeletVersion).toBe(KUBERNETES_VERSION);
    const { stdout } = await node.kubectl(['get', 'ciliumnodes', '-o', 'name']);
    expect(stdout.trim()).toBe(`ciliumnode.cilium.io/${node.nodeName}`);
  });

  it('runs a pod that resolves cluster and outside names and reaches the outside', async () => {
    const pod = await node.runPod('free');
    expect(await node.exec(pod, ['nslookup', 'kubernetes.default.svc.cluster.local'])).toMatchObject({ code: 0 });
    expect(await node.exec(pod, ['curl', '-sS', '-m', '5', 'http://www.example.com/'])).toMatchObject({
      code: 0,
      stdout: 'hello from the outside\n',
    });
    expect(node.outside.events()).toContainEqual(
      expect.objectContaining({ event: 'request', server: 'web', detail: 'GET www.example.com/' }),
    );
  });

  it('keeps what a sandbox does not allow off the wire, and Hubble says so over gRPC', async () => {
    const pod = await node.runPod('agent', { [SANDBOX_LABEL]: 'agents' });
    const dial = async (): Promise<number> =>
      (await node.exec(pod, ['ncat', '-z', '-w', '1', node.outside.addresses.pool, '3333'])).code;
    await vi.waitUntil(async () => (await dial()) === 0, PATIENCE);

    const spec = sandboxSpec({
      egress: {
        allow: [{ name: 'web', to: [{ fqdn: 'www.example.com' }], ports: [{ protocol: 'TCP', port: 80 }] }],
        dns: { resolvers: [], names: [] },
      },
    });
    const plan = compilePolicy(
      { namespace: node.namespace, name: 'agents', uid: undefined, spec, quarantined: [] },
      { engine: 'cilium', apiServerAddresses: [], nodeAddresses: [node.nodeIp], services: new Map() },
    );
    // Without our labels: an operator that another file installs here would take them for left-overs and remove them.
    const objects = plan.objects.map((object) => ({ ...object, metadata: { ...object.metadata, labels: {} } }));
    await node.apply(objects);
    await vi.waitUntil(async () => (await dial()) !== 0, PATIENCE);

    const watch = node.watchFlows();
    const arrivedBefore = poolVisits();
    try {
      await vi.waitUntil(async () => {
        expect(await dial()).not.toBe(0);
        return watch.flows.some(
          ({ verdict, source, destinationIp }) =>
            verdict === 'DROPPED' && source.podName === 'agent' && destinationIp === node.outside.addresses.pool,
        );
      }, PATIENCE);
    } finally {
      await watch.stop();
    }
    expect(poolVisits()).toBe(arrivedBefore);
    expect(await node.exec(pod, ['curl', '-sS', '-m', '5', 'http://www.example.com/'])).toMatchObject({ code: 0 });
  });

  function poolVisits(): number {
    return node.outside.events().filter(({ event, server }) => event === 'open' && server === 'pool').length;
  }
});

interface NodeObject {
  status: { conditions: object[]; nodeInfo: { kubeletVersion: string } };
}
