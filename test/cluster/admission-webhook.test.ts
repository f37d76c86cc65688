/**
 * The webhook as the real API server calls it: over TLS with its own certificates, by the configurations that Bulkhead
 * writes. The server runs in this process; the sandboxes are given by the test.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { createAdmissionHandlers, MUTATE_PATH, VALIDATE_PATH } from '../../src/admission/handlers.ts';
import { POD_ID_LABEL, QUARANTINE_LABEL, SANDBOX_LABEL } from '../../src/api/v1alpha1/labels.ts';
import type { AgentSandbox } from '../../src/api/v1alpha1/types.ts';
import { createAuthority, issueLeaf, type KeyedCertificate } from '../../src/kube/certs.ts';
import {
  mutatingWebhookConfiguration,
  validatingWebhookConfiguration,
  type WebhookConfiguration,
} from '../../src/kube/webhook-config.ts';
import { type WebhookRequestEvent, WebhookServer } from '../../src/kube/webhook-server.ts';
import { as, BULKHEAD_USER, grant } from '../support/admission.ts';
import { useCluster } from '../support/cluster.ts';
import { goodContainer, goodPod, type LoosePod, sandbox } from '../support/pods.ts';

const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';

const cluster = useCluster();
let namespace: string;
let sandboxes: AgentSandbox[];
let server: WebhookServer;
let authority: KeyedCertificate;
let events: WebhookRequestEvent[];
let installed: string[];

beforeAll(async () => {
  namespace = await cluster.namespace();
  authority = await createAuthority(new Date());
  server = await serve();
  const port = await server.listen(0, cluster.webhookHost);
  const options = {
    address: { url: `https://${cluster.webhookHost}:${port}` },
    caBundle: authority.certificatePem,
    namespaces: [namespace],
    excludedNamespaces: ['bulkhead-system'],
    operatorUsername: BULKHEAD_USER,
    paths: { mutate: MUTATE_PATH, validate: VALIDATE_PATH },
  };
  installed = await install(mutatingWebhookConfiguration(options), validatingWebhookConfiguration(options));
  sandboxes = [sandbox()];
  await vi.waitFor(
    async () =>
      expect(
        (
          await create(
            podThat((pod) => (pod.spec.hostNetwork = true)),
            '?dryRun=All',
          )
        ).status,
      ).toBe(403),
    { timeout: 30_000, interval: 100 },
  );
});
afterAll(async () => {
  for (const path of installed) {
    await cluster.api.request('DELETE', path);
  }
  await server.close(0);
});
beforeEach(() => {
  sandboxes = [sandbox()];
  events = [];
});

async function serve(): Promise<WebhookServer> {
  const created = new WebhookServer({
    handlers: createAdmissionHandlers({
      sandboxesIn: (asked) => (asked === namespace ? sandboxes : []),
      newPodId: () => randomBytes(8).toString('hex'),
      operatorUsername: BULKHEAD_USER,
      now: () => new Date(),
    }),
    onRequest: (event) => events?.push(event),
  });
  created.useCertificate(await issueLeaf(authority, { dns: [], ips: [cluster.webhookHost] }, new Date()));
  return created;
}

/** Under a name of this file's own and for its namespace alone, since the API server has other users. */
async function install(...configurations: WebhookConfiguration[]): Promise<string[]> {
  const paths: string[] = [];
  for (const { kind, webhooks, ...rest } of configurations) {
    const name = `bulkhead-${namespace}`;
    const path = `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}s/${name}`;
    const here = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } };
    await cluster.api.apply(path, {
      ...rest,
      kind,
      metadata: { name },
      webhooks: webhooks.map((webhook) => ({ ...here, ...webhook })),
    });
    paths.push(path);
  }
  return paths;
}

const pods = (inside = namespace) => `/api/v1/namespaces/${inside}/pods`;

function podThat(change: (pod: LoosePod) => unknown = () => {}): LoosePod {
  const pod = goodPod();
  pod.metadata = { generateName: 'pod-', labels: { app: 'trainer' } };
  change(pod);
  return pod;
}

const create = (pod: LoosePod, query = '', inside = namespace) =>
  cluster.api.request<LoosePod>('POST', `${pods(inside)}${query}`, { body: pod });

async function stored(pod: LoosePod): Promise<LoosePod> {
  const { status, body } = await create(pod);
  expect(body.message).toBeUndefined();
  expect(status).toBe(201);
  return body;
}

const change = (pod: LoosePod, body: object, subresource = '') =>
  cluster.api.request<LoosePod>('PATCH', `${pods()}/${pod.metadata.name}${subresource}`, {
    body,
    contentType: STRATEGIC,
  });

describe('a new pod', () => {
  it('is stamped, made safe and stored', async () => {
    sandboxes = [sandbox({ bandwidth: '10M' })];
    const pod = await stored(
      podThat((given) => {
        delete given.spec.automountServiceAccountToken;
        delete given.spec.securityContext.seccompProfile;
      }),
    );
    expect(pod.metadata.labels).toEqual({
      app: 'trainer',
      [SANDBOX_LABEL]: 'trainers',
      [POD_ID_LABEL]: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(pod.metadata.annotations).toMatchObject({ 'kubernetes.io/egress-bandwidth': '10M' });
    expect(pod.spec.automountServiceAccountToken).toBe(false);
    expect(pod.spec.securityContext.seccompProfile).toEqual({ type: 'RuntimeDefault' });
    // The API server had mounted a token before the webhook saw the pod.
    expect(pod.spec.volumes.map(({ name }: { name: string }) => name)).toEqual(['scratch']);
    expect(pod.spec.containers[0].volumeMounts).toHaveLength(1);
  });

  it('that breaks rules is refused with every reason', async () => {
    const { status, body } = await create(
      podThat((pod) => {
        pod.spec.hostNetwork = true;
        pod.spec.containers[0].securityContext = { privileged: true };
      }),
    );
    expect(status).toBe(403);
    expect(body.message).toMatch(/^admission webhook "pods\.validate\.bulkhead\.dev" denied the request: refused by /);
    expect(body.message).toMatch(/\[HostNamespaces\] spec\.hostNetwork is true: .* Leave spec\.hostNetwork out\./);
    expect(body.message).toMatch(/\[Privileged\] spec\.containers\[0\]\.securityContext\.privileged is true/);
  });

  it('with the id of another pod gets an id of its own', async () => {
    const first = await stored(podThat());
    const copy = await stored(
      podThat((pod) => (pod.metadata.labels = { ...first.metadata.labels, [QUARANTINE_LABEL]: 'x' })),
    );
    expect(copy.metadata.labels[POD_ID_LABEL]).toMatch(/^[0-9a-f]{16}$/);
    expect(copy.metadata.labels[POD_ID_LABEL]).not.toBe(first.metadata.labels[POD_ID_LABEL]);
    expect(copy.metadata.labels).not.toHaveProperty([QUARANTINE_LABEL]);
  });

  it('that no sandbox selects is stored as it is, without labels of ours', async () => {
    const pod = await stored(
      podThat((given) => {
        given.metadata.labels = { app: 'web', [SANDBOX_LABEL]: 'trainers' };
        given.spec.hostPID = true;
      }),
    );
    expect(pod.metadata.labels).toEqual({ app: 'web' });
    expect(pod.spec.hostPID).toBe(true);
  });

  it('in mode Observe is stored, and kubectl shows what would have been refused', async () => {
    sandboxes = [sandbox({ mode: 'Observe' })];
    const pod = podThat((given) => (given.spec.hostPID = true));
    const { code, stderr } = await cluster.kubectl(['-n', namespace, 'create', '-f', '-'], stringify(pod));
    expect(stderr).toMatch(
      /^Warning: AgentSandbox team-a\/trainers \(mode Observe\) would refuse: \[HostNamespaces\]/m,
    );
    expect(code).toBe(0);
  });

  it('in mode Lockdown is refused', async () => {
    sandboxes = [sandbox({ mode: 'Lockdown' })];
    expect((await create(podThat())).body.message).toMatch(
      /mode Lockdown, which admits no new pod\. Lift it with: kubectl/,
    );
  });

  it('of a Deployment is stamped too, each with its own id', async () => {
    const { metadata, spec } = podThat();
    await cluster.api.call('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, {
      body: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'trainer' },
        spec: {
          replicas: 3,
          selector: { matchLabels: { app: 'trainer', of: 'deployment' } },
          template: {
            metadata: { labels: { ...metadata.labels, of: 'deployment', [POD_ID_LABEL]: 'copied' } },
            spec: { ...spec, initContainers: [] },
          },
        },
      },
    });
    await expect
      .poll(
        async () => {
          const { items } = await cluster.api.call<LoosePod>('GET', `${pods()}?labelSelector=of%3Ddeployment`);
          return new Set(items.map((pod: LoosePod) => pod.metadata.labels[POD_ID_LABEL])).size;
        },
        { timeout: 30_000 },
      )
      .toBe(3);
    await cluster.api.call('DELETE', `/apis/apps/v1/namespaces/${namespace}/deployments/trainer`);
  });

  it('is judged by a dry run without a trace', async () => {
    const { status, body } = await create(podThat(), '?dryRun=All');
    expect(status).toBe(201);
    expect((await cluster.api.request('GET', `${pods()}/${body.metadata.name}`)).status).toBe(404);
  });
});

describe('a running pod', () => {
  it('takes no foreign image', async () => {
    const images = { allowed: ['registry.example.com/agents/*'], requireDigest: false };
    sandboxes = [sandbox({ admission: { images } })];
    const pod = await stored(podThat());
    const to = (image: string) => change(pod, { spec: { containers: [{ name: 'main', image }] } });
    expect((await to('registry.example.com/agents/trainer:2')).status).toBe(200);
    const { status, body } = await to('evil.example.net/miner:1');
    expect(status).toBe(403);
    expect(body.message).toMatch(/\[Images\] spec\.containers\[0\]\.image/);
  });

  it('takes no debugging container that breaks the rules', async () => {
    const pod = await stored(podThat());
    const { resources: _, volumeMounts: __, ...container } = goodContainer('debug-1');
    const attach = (securityContext: object) =>
      change(pod, { spec: { ephemeralContainers: [{ ...container, securityContext }] } }, '/ephemeralcontainers');
    const { status, body } = await attach({ privileged: true });
    expect(status).toBe(403);
    expect(body.message).toMatch(/spec\.ephemeralContainers\[0\]\.securityContext\.privileged/);
    expect((await attach(container.securityContext)).status).toBe(200);
  });

  it('keeps the labels of Bulkhead', async () => {
    const pod = await stored(podThat());
    const { status, body } = await change(pod, { metadata: { labels: { [POD_ID_LABEL]: 'other' } } });
    expect(status).toBe(403);
    expect(body.message).toMatch(/by Bulkhead alone/);
  });

  it('is not asked about when nothing changes that is judged', async () => {
    const pod = await stored(podThat((given) => (given.metadata.finalizers = ['example.com/hold'])));
    events = [];
    expect((await change(pod, { metadata: { labels: { tier: 'gpu' }, annotations: { x: 'y' } } })).status).toBe(200);
    expect((await change(pod, { status: { phase: 'Running' } }, '/status')).status).toBe(200);
    expect((await change(pod, { metadata: { finalizers: null } })).status).toBe(200);
    expect(events).toEqual([]);
  });
});

describe('an approval', () => {
  const incidents = () => `/apis/bulkhead.dev/v1alpha1/namespaces/${namespace}/agentincidents`;

  it('gets the caller’s name and the time, and never a time that the caller chose', async () => {
    const rules = { apiGroups: ['bulkhead.dev'], resources: ['agentincidents/status'], verbs: ['patch'] };
    await grant(cluster, namespace, ['alice'], [rules]);
    const { metadata } = await cluster.api.call('POST', incidents(), {
      body: {
        apiVersion: 'bulkhead.dev/v1alpha1',
        kind: 'AgentIncident',
        metadata: { generateName: 'manual-' },
        spec: { sandbox: 'trainers', pod: { name: 'x' }, detector: 'Manual', title: 't', explanation: 'e' },
      },
    });
    const path = `${incidents()}/${metadata.name}/status`;
    await cluster.api.call('PATCH', path, { body: { status: { approvals: [] } }, contentType: MERGE });
    const value = { reason: 'checked the logs', time: '2020-01-01T00:00:00Z' };
    const before = Date.now();
    const { status, body } = await as(cluster, 'alice')(
      'PATCH',
      path,
      [{ op: 'add', path: '/status/approvals/-', value }],
      'application/json-patch+json',
    );
    expect(status).toBe(200);
    const [approval] = (body as LoosePod).status.approvals;
    expect(approval).toMatchObject({ approver: 'alice', reason: 'checked the logs' });
    expect(Date.parse(approval.time)).toBeGreaterThanOrEqual(before);
  });
});

describe('while the webhook is down', () => {
  beforeAll(() => server.close(0));

  it('no pod is made where a sandbox is', async () => {
    const { status, body } = await create(podThat());
    expect(status).toBe(500);
    expect(body.message).toMatch(/failed calling webhook "pods\.validate\.bulkhead\.dev"/);
  });

  it('pods are made everywhere else', async () => {
    const elsewhere = await cluster.newNamespace();
    expect((await create(podThat(), '', elsewhere)).status).toBe(201);
  });

  it('running pods are changed, finished and deleted as always', async () => {
    const { items } = await cluster.api.call<LoosePod>('GET', pods());
    const [pod] = items.filter((item: LoosePod) => item.metadata.deletionTimestamp === undefined);
    expect(
      (await change(pod, { metadata: { labels: { tier: 'cpu' }, finalizers: ['example.com/hold'] } })).status,
    ).toBe(200);
    expect((await change(pod, { status: { phase: 'Succeeded' } }, '/status')).status).toBe(200);
    expect((await change(pod, { metadata: { finalizers: null } })).status).toBe(200);
    expect((await cluster.api.request('DELETE', `${pods()}/${pod.metadata.name}`)).status).toBe(200);
  });

  it('an image cannot be changed, since nobody could judge it', async () => {
    const { items } = await cluster.api.call<LoosePod>('GET', pods());
    const [pod] = items.filter((item: LoosePod) => item.metadata.deletionTimestamp === undefined);
    expect((await change(pod, { spec: { containers: [{ name: 'main', image: 'other:1' }] } })).status).toBe(500);
  });
});
