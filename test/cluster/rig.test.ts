/** What the shared control plane can do that tests rely on: controllers, RBAC, real tokens, webhooks, real schemas. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { makeKeys } from '../../hack/rig/certificates.ts';
import { findKubectl, kubectlFor } from '../../hack/rig/kubectl.ts';
import { serviceAccountKubeconfig } from '../../hack/rig/service-account.ts';
import { useCluster } from '../support/cluster.ts';

const cluster = useCluster();

it('says which Kubernetes it is, so that kubectl does not warn', async () => {
  const { stdout, stderr } = await cluster.kubectl(['version']);
  expect(stdout).toContain('Server Version: v1.36.');
  expect(stderr).toBe('');
});

it('runs the controllers: a Deployment gets its pod', async () => {
  const namespace = await cluster.namespace();
  await cluster.kubectl(['-n', namespace, 'create', 'deployment', 'web', '--image=registry.example/web']);
  await vi.waitFor(
    async () => {
      const { items } = await cluster.api.call('GET', `/api/v1/namespaces/${namespace}/pods`);
      expect(items?.map(({ metadata }) => metadata.labels?.['app'])).toEqual(['web']);
    },
    { timeout: 20_000 },
  );
});

it('gives a ServiceAccount a kubeconfig that may do what its RBAC rules say and no more', async () => {
  const namespace = await cluster.namespace();
  await cluster.kubectl(['-n', namespace, 'create', 'serviceaccount', 'reader']);
  await cluster.kubectl(['-n', namespace, 'create', 'role', 'reader', '--verb=list', '--resource=pods']);
  const binding = ['create', 'rolebinding', 'reader', '--role=reader', `--serviceaccount=${namespace}:reader`];
  await cluster.kubectl(['-n', namespace, ...binding]);

  const kubeconfig = await serviceAccountKubeconfig(cluster, namespace, 'reader');
  const kubectl = kubectlFor(await findKubectl(), kubeconfig, cluster.folder);

  expect((await kubectl(['auth', 'whoami'])).stdout).toContain(`system:serviceaccount:${namespace}:reader`);
  expect((await kubectl(['-n', namespace, 'get', 'pods'])).code).toBe(0);
  expect((await kubectl(['-n', namespace, 'get', 'secrets'])).stderr).toContain('Forbidden');
});

it('calls admission webhooks that this machine serves', async () => {
  const namespace = await cluster.namespace();
  const keys = await makeKeys([], [cluster.webhookHost]);
  const server = createServer({ cert: keys.serverCertificatePem, key: keys.serverKeyPem }, (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { request } = JSON.parse(Buffer.concat(chunks).toString()) as { request: { uid: string } };
      const response = { uid: request.uid, allowed: false, status: { message: 'the webhook was here' } };
      outgoing.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, cluster.webhookHost, resolve));
  onTestFinished(() => void server.close());
  const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
  await cluster.api.call('POST', path, {
    body: {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: namespace },
      webhooks: [
        {
          name: 'rig.test.bulkhead.dev',
          clientConfig: {
            url: `https://${cluster.webhookHost}:${(server.address() as AddressInfo).port}/`,
            caBundle: Buffer.from(keys.caPem).toString('base64'),
          },
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
        },
      ],
    },
  });
  onTestFinished(async () => void (await cluster.api.request('DELETE', `${path}/${namespace}`)));

  await vi.waitFor(
    async () => {
      const { stderr } = await cluster.kubectl(['-n', namespace, 'create', 'configmap', `c${Date.now()}`]);
      expect(stderr).toContain('the webhook was here');
    },
    { timeout: 20_000 },
  );
});

it("knows Cilium's real schemas", async () => {
  const namespace = await cluster.namespace();
  const path = `/apis/cilium.io/v2/namespaces/${namespace}/ciliumnetworkpolicies`;
  const policy = (name: string, spec: object) => ({
    body: { apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy', metadata: { name }, spec },
  });
  const legal = policy('legal', { endpointSelector: {}, egressDeny: [{ toEntities: ['all'] }] });
  const illegal = policy('illegal', { endpointSelector: {}, egress: [{ toEntities: ['no-such-entity'] }] });
  expect((await cluster.api.request('POST', path, legal)).status).toBe(201);
  expect((await cluster.api.request('POST', path, illegal)).status).toBe(422);
});
