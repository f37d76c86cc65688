/**
 * The ValidatingAdmissionPolicies of config/admission on a real API server, with no Bulkhead running: what holds by itself.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ApiResponse, KubeObject } from '../../hack/rig/api-client.ts';
import { admissionManifests, as, BULKHEAD_USER, enforcePolicies, grant } from '../support/admission.ts';
import { useCluster } from '../support/cluster.ts';
import { goodPod, type LoosePod } from '../support/pods.ts';

const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';

const cluster = useCluster();
let namespace: string;
let pods: string;
let incidents: string;
let takeAway: () => Promise<void>;

beforeAll(async () => {
  namespace = await cluster.namespace();
  pods = `/api/v1/namespaces/${namespace}/pods`;
  incidents = `/apis/bulkhead.dev/v1alpha1/namespaces/${namespace}/agentincidents`;
  takeAway = await enforcePolicies(cluster, namespace);
  const everything = { apiGroups: ['bulkhead.dev'], resources: ['agentincidents', 'agentincidents/status'] };
  await grant(
    cluster,
    namespace,
    [BULKHEAD_USER, 'alice', 'bob', agent()],
    [{ ...everything, verbs: ['*', 'release'] }],
  );
  await grant(
    cluster,
    namespace,
    ['mallory'],
    [{ ...everything, verbs: ['get', 'list', 'create', 'update', 'patch', 'delete', 'deletecollection'] }],
  );
  await grant(cluster, namespace, [BULKHEAD_USER], [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'patch'] }]);
  // The API server takes a moment to notice a policy.
  await vi.waitFor(
    async () => {
      const pod = await createPod();
      const label = await patchPod(pod, { metadata: { labels: { 'bulkhead.dev/pod-id': 'b' } } });
      const finding = await as(cluster, 'alice')('POST', incidents, incident({ detector: 'CryptoMining' }));
      expect([label.status, finding.status]).toEqual([403, 403]);
    },
    { timeout: 30_000, interval: 100 },
  );
});
afterAll(() => takeAway());

/** A service account of the incident's own namespace, as agents have it. */
const agent = () => `system:serviceaccount:${namespace}:agent`;

async function createPod(
  labels: object = { 'bulkhead.dev/sandbox': 'trainers', 'bulkhead.dev/pod-id': 'a' },
): Promise<LoosePod> {
  const pod = goodPod();
  pod.metadata = { generateName: 'pod-', labels: { app: 'trainer', ...labels } };
  return cluster.api.call('POST', pods, { body: pod });
}

const patchPod = (pod: LoosePod, body: object, subresource = '') =>
  cluster.api.request<LoosePod>('PATCH', `${pods}/${pod.metadata.name}${subresource}`, { body, contentType: MERGE });

function refused({ status, body }: ApiResponse<KubeObject>, sentence: RegExp): void {
  expect(body.message).toMatch(sentence);
  expect(status).toBe(403);
}

describe('the labels of a pod', () => {
  // Sent as a cluster administrator: no role is enough.
  it.each<[string, object]>([
    ['the id is changed', { 'bulkhead.dev/pod-id': 'b' }],
    ['the id is removed', { 'bulkhead.dev/pod-id': null }],
    ['the sandbox is changed', { 'bulkhead.dev/sandbox': 'looser' }],
    ['a quarantine is claimed', { 'bulkhead.dev/quarantine': 'incident' }],
  ])('cannot be touched: %s', async (_name, labels) => {
    const pod = await createPod();
    refused(await patchPod(pod, { metadata: { labels } }), /by Bulkhead alone\. Leave them as they are/);
    refused(await patchPod(pod, { metadata: { labels } }, '/status'), /by Bulkhead alone/);
  });

  it('cannot be added to a pod that has none', async () => {
    const pod = await createPod({});
    refused(await patchPod(pod, { metadata: { labels: { 'bulkhead.dev/pod-id': 'a' } } }), /by Bulkhead alone/);
  });

  it('cannot be removed all at once', async () => {
    const pod = await createPod();
    refused(await patchPod(pod, { metadata: { labels: null } }), /by Bulkhead alone/);
  });

  it.each(['/ephemeralcontainers', '/resize'])('cannot be changed through %s', async (subresource) => {
    const pod = await createPod();
    const answer = await patchPod(pod, { metadata: { labels: { 'bulkhead.dev/pod-id': 'b' } } }, subresource);
    // Either refused, or the API server itself left the label as it was.
    const after = await cluster.api.call<LoosePod>('GET', `${pods}/${pod.metadata.name}`);
    expect([answer.status === 403 || answer.status === 200, after.metadata.labels['bulkhead.dev/pod-id']]).toEqual([
      true,
      'a',
    ]);
  });

  it.each(['pods/NAME/binding', 'bindings'])('cannot be changed by a Binding through %s', async (path) => {
    const pod = await createPod();
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: pod.metadata.name, labels: { 'bulkhead.dev/pod-id': 'b' } },
      target: { apiVersion: 'v1', kind: 'Node', name: 'nowhere' },
    };
    const url = `/api/v1/namespaces/${namespace}/${path.replace('NAME', pod.metadata.name)}`;
    refused(await cluster.api.request('POST', url, { body: binding }), /by Bulkhead alone/);
    const plain = { ...binding, metadata: { name: pod.metadata.name } };
    expect((await cluster.api.request('POST', url, { body: plain })).status).toBe(201);
  });

  it('are Bulkhead’s to change', async () => {
    const pod = await createPod();
    const body = { metadata: { labels: { 'bulkhead.dev/quarantine': 'incident' } } };
    expect((await as(cluster, BULKHEAD_USER)('PATCH', `${pods}/${pod.metadata.name}`, body, MERGE)).status).toBe(200);
  });

  it('do not stand in the way of any other change', async () => {
    const pod = await createPod();
    const other = { metadata: { labels: { tier: 'gpu' }, annotations: { x: 'y' } } };
    expect((await patchPod(pod, other)).status).toBe(200);
    expect((await patchPod(pod, { status: { phase: 'Running' } }, '/status')).status).toBe(200);
    const foreign = await createPod({});
    expect((await patchPod(foreign, { metadata: { labels: { app: null } } })).status).toBe(200);
    expect((await cluster.api.request('DELETE', `${pods}/${pod.metadata.name}`)).status).toBe(200);
  });
});

function incident(spec: object = {}, metadata: object = {}) {
  return {
    apiVersion: 'bulkhead.dev/v1alpha1',
    kind: 'AgentIncident',
    metadata: { generateName: 'manual-', ...metadata },
    spec: {
      sandbox: 'trainers',
      pod: { name: 'trainer-0' },
      detector: 'Manual',
      title: 't',
      explanation: 'e',
      ...spec,
    },
  };
}

describe('an incident', () => {
  let name: string;
  const alice = (...call: Parameters<ReturnType<typeof as>>) => as(cluster, 'alice')(...call);
  const approval = (value: object) => [{ op: 'add', path: '/status/approvals/-', value }];
  const approve = (user: string, value: object = {}) =>
    as(cluster, user)(
      'PATCH',
      `${incidents}/${name}/status`,
      approval({ reason: 'checked', approver: user, ...value }),
      JSON_PATCH,
    );
  const setStatus = (status: object) =>
    as(cluster, BULKHEAD_USER)('PATCH', `${incidents}/${name}/status`, { status }, MERGE);

  beforeEach(async () => {
    const { metadata } = await cluster.api.call('POST', incidents, { body: incident() });
    name = metadata.name;
    expect((await setStatus({ phase: 'Contained', count: 1, approvals: [], timeline: [] })).status).toBe(200);
  });

  it('is approved by somebody with the verb release, in their own name', async () => {
    expect((await approve('alice')).status).toBe(200);
    expect((await approve('bob')).status).toBe(200);
    const { status } = await cluster.api.call<LoosePod>('GET', `${incidents}/${name}`);
    expect(status.approvals.map(({ approver }: { approver: string }) => approver)).toEqual(['alice', 'bob']);
  });

  it('is approved also before Bulkhead has written a status', async () => {
    const { metadata } = await cluster.api.call('POST', incidents, { body: incident() });
    const body = { status: { approvals: [{ reason: 'checked', approver: 'alice' }] } };
    expect((await alice('PATCH', `${incidents}/${metadata.name}/status`, body, MERGE)).status).toBe(200);
  });

  it('is not approved in another name, or in none', async () => {
    refused(await approve('alice', { approver: 'bob' }), /in one's own name/);
    refused(await approve('alice', { approver: undefined }), /in one's own name/);
  });

  it('is not approved twice by one person', async () => {
    expect((await approve('alice')).status).toBe(200);
    refused(await approve('alice'), /approved this release already/);
  });

  it('is not approved without the verb release', async () => {
    refused(await approve('mallory'), /RBAC verb "release"/);
  });

  it('is not approved by a service account of its namespace', async () => {
    refused(await approve(agent()), /agents' own service accounts/);
  });

  it('is not approved by two entries at once', async () => {
    const two = [...approval({ reason: 'one', approver: 'alice' }), ...approval({ reason: 'two', approver: 'bob' })];
    refused(await alice('PATCH', `${incidents}/${name}/status`, two, JSON_PATCH), /one at a time/);
  });

  it.each<[string, object[]]>([
    ['changed', [{ op: 'replace', path: '/status/approvals/0/reason', value: 'other' }]],
    ['taken over', [{ op: 'replace', path: '/status/approvals/0/approver', value: 'alice' }]],
    ['removed', [{ op: 'remove', path: '/status/approvals/0' }]],
    ['pushed back', [{ op: 'add', path: '/status/approvals/0', value: { reason: 'first', approver: 'alice' } }]],
  ])('keeps an approval of somebody else from being %s', async (_name, patch) => {
    expect((await approve('bob')).status).toBe(200);
    refused(await alice('PATCH', `${incidents}/${name}/status`, patch, JSON_PATCH), /one at a time, and never changed/);
  });

  it.each<[string, object]>([
    ['its phase', { phase: 'Released' }],
    ['a field that was not there', { lastSeen: '2026-11-22T00:00:00Z' }],
    ['a field that goes', { count: null }],
    ['its timeline', { timeline: [{ time: '2026-11-22T00:00:00Z', actor: 'alice', message: 'x' }] }],
  ])('has a status that people do not write: %s', async (_name, status) => {
    refused(await alice('PATCH', `${incidents}/${name}/status`, { status }, MERGE), /written by Bulkhead/);
    refused(
      await alice(
        'PATCH',
        `${incidents}/${name}/status`,
        { status: { ...status, approvals: [{ reason: 'checked', approver: 'alice' }] } },
        MERGE,
      ),
      /written by Bulkhead/,
    );
  });

  it('has a spec that people do not write', async () => {
    for (const spec of [{ response: 'Alert' }, { pod: { name: 'other' } }, { score: 0 }]) {
      refused(await alice('PATCH', `${incidents}/${name}`, { spec }, MERGE), /does not change/);
    }
  });

  it('has an owner and labels that people do not write', async () => {
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: 'c7f3a1de-0000-4000-8000-000000000000' };
    for (const metadata of [{ ownerReferences: [owner] }, { labels: { 'bulkhead.dev/finding': 'x' } }]) {
      refused(await alice('PATCH', `${incidents}/${name}`, { metadata }, MERGE), /decide what it holds/);
    }
    const note = { metadata: { labels: { team: 'a' }, annotations: { ticket: '1' } } };
    expect((await alice('PATCH', `${incidents}/${name}`, note, MERGE)).status).toBe(200);
    refused(await alice('POST', incidents, incident({}, { ownerReferences: [owner] })), /stands for itself/);
  });

  it('gets no finalizer from people, which would keep its namespace from ending', async () => {
    const finalizers = ['example.com/hold'];
    const path = `${incidents}/${name}`;
    refused(await alice('POST', incidents, incident({}, { finalizers })), /finalizer would keep/);
    refused(await alice('PATCH', path, { metadata: { finalizers } }, MERGE), /finalizer would keep/);
    const ownBody = { metadata: { finalizers: ['example.com/old'] } };
    expect((await as(cluster, BULKHEAD_USER)('PATCH', path, ownBody, MERGE)).status).toBe(200);
    const more = { metadata: { finalizers: ['example.com/old', ...finalizers] } };
    refused(await alice('PATCH', path, more, MERGE), /finalizer would keep/);
    // One that is there stands in nobody's way, and may be taken away.
    expect((await alice('PATCH', path, { metadata: { annotations: { a: 'b' } } }, MERGE)).status).toBe(200);
    expect((await alice('PATCH', path, { metadata: { finalizers: null } }, MERGE)).status).toBe(200);
  });

  it.each(['Foreground', 'Orphan'])(
    'can be deleted in the way called %s, for which the API server adds a finalizer',
    async (propagationPolicy) => {
      await setStatus({ phase: 'Released' });
      const answer = await alice('DELETE', `${incidents}/${name}`, { propagationPolicy });
      expect(answer.status).toBe(200);
      await expect.poll(async () => (await alice('GET', `${incidents}/${name}`)).status, { timeout: 50_000 }).toBe(404);
    },
  );

  it('is Bulkhead’s to write', async () => {
    const body = { spec: { score: 90 }, metadata: { labels: { 'bulkhead.dev/finding': 'x' } } };
    expect((await as(cluster, BULKHEAD_USER)('PATCH', `${incidents}/${name}`, body, MERGE)).status).toBe(200);
    expect((await setStatus({ phase: 'Released' })).status).toBe(200);
  });

  it('is written by people only to quarantine by hand', async () => {
    expect((await alice('POST', incidents, incident())).status).toBe(201);
    expect((await alice('POST', incidents, incident({}, { name: 'manual-1' }))).status).toBe(201);
  });

  it.each<[string, object, object]>([
    ['another detector', { detector: 'CryptoMining' }, {}],
    ['the name that a finding would get', {}, { name: 'crypto-mining-0123456789' }],
    ['the label that a finding would get', {}, { labels: { 'bulkhead.dev/finding': '0123456789abcdef' } }],
  ])('is not written by people with %s', async (_name, spec, metadata) => {
    refused(await alice('POST', incidents, incident(spec, metadata)), /recorded by Bulkhead alone/);
  });

  it('that holds a pod cannot be deleted, one by one or all at once', async () => {
    refused(await alice('DELETE', `${incidents}/${name}`), /Release it first/);
    refused(await alice('DELETE', incidents), /Release it first/);
    expect((await alice('GET', `${incidents}/${name}`)).status).toBe(200);
  });

  it.each(['Released', 'Dismissed'])('that is %s can be deleted', async (phase) => {
    await setStatus({ phase });
    expect((await alice('DELETE', `${incidents}/${name}`)).status).toBe(200);
  });

  it('that never cut a pod can be deleted', async () => {
    const { metadata } = await cluster.api.call('POST', incidents, { body: incident({ response: 'Alert' }) });
    expect((await alice('DELETE', `${incidents}/${metadata.name}`)).status).toBe(200);
  });
});

it('a namespace ends although an incident in it holds a pod', async () => {
  const doomed = await cluster.newNamespace();
  const remove = await enforcePolicies(cluster, doomed);
  const path = `/apis/bulkhead.dev/v1alpha1/namespaces/${doomed}/agentincidents`;
  await expect
    .poll(
      async () => (await cluster.api.request('POST', path, { body: incident({ detector: 'CryptoMining' }) })).status,
      {
        timeout: 30_000,
      },
    )
    .toBe(403);
  const { metadata } = await cluster.api.call('POST', path, { body: incident() });
  expect((await cluster.api.request('DELETE', `${path}/${metadata.name}`)).status).toBe(403);
  await cluster.api.call('DELETE', `/api/v1/namespaces/${doomed}`);
  await expect
    .poll(async () => (await cluster.api.request('GET', `/api/v1/namespaces/${doomed}`)).status, { timeout: 50_000 })
    .toBe(404);
  await remove();
});

it('the API server finds nothing to warn of in the expressions', async () => {
  const policies = admissionManifests().filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');
  expect(policies).not.toEqual([]);
  for (const { metadata } of policies) {
    const path = `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/${metadata.name}-${namespace}`;
    await expect
      .poll(async () => (await cluster.api.call<LoosePod>('GET', path)).status?.typeChecking, { timeout: 30_000 })
      .toEqual({});
  }
});
