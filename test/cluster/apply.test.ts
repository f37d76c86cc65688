/** Server-side apply of generated objects on the real API server: what is ours is exact, what is not ours is untouched. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { TerminalError } from '../../src/api/errors.ts';
import type { OwnerReference } from '../../src/api/v1alpha1/types.ts';
import { type Applier, createApplier, HASH_ANNOTATION } from '../../src/kube/apply.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { loadKubeConfig } from '../../src/kube/kube-config.ts';
import { RESOURCES, resourceOf } from '../../src/kube/resources.ts';
import { Transport } from '../../src/kube/transport.ts';
import type { PolicyObject } from '../../src/policy/plan.ts';
import { useCluster } from '../support/cluster.ts';

const cluster = useCluster();
let namespace: string;
let client: KubeClient;
let applier: Applier;
let count = 0;
let name: string;

beforeAll(async () => {
  namespace = await cluster.namespace();
  const transport = new Transport(loadKubeConfig({ path: cluster.kubeconfigPath }).config);
  client = new KubeClient({ transport, fieldManager: 'bulkhead' });
});
afterAll(() => client.close());
beforeEach(() => {
  // A new applier remembers nothing, like an operator that has just started.
  applier = createApplier({ client, fieldManager: 'bulkhead' });
  count += 1;
  name = `policy-${count}`;
});

function networkPolicy(over: { spec?: object; metadata?: object } = {}): PolicyObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { namespace, name, labels: { 'app.kubernetes.io/managed-by': 'bulkhead' }, ...over.metadata },
    spec: {
      podSelector: { matchLabels: { 'bulkhead.dev/sandbox': 'coder' } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [],
      egress: [{ to: [{ ipBlock: { cidr: '203.0.113.0/24' } }], ports: [{ protocol: 'TCP', port: 443 }] }],
      ...over.spec,
    },
  };
}

function ciliumPolicy(): PolicyObject {
  return {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    metadata: { namespace, name, labels: { 'app.kubernetes.io/managed-by': 'bulkhead' } },
    spec: {
      endpointSelector: { matchLabels: { 'bulkhead.dev/sandbox': 'coder' } },
      egressDeny: [{ toEntities: ['all'] }],
    },
  };
}

async function live(object: PolicyObject): Promise<PolicyObject> {
  const found = await client.get<PolicyObject>({ resource: resourceOf(object), namespace, name });
  expect(found).toBeDefined();
  return found as PolicyObject;
}

/** What a person does with kubectl. */
const kubectl = async (...args: string[]) => {
  const { code, stderr } = await cluster.kubectl(['-n', namespace, ...args]);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
};
const patch = (kind: string, body: unknown) => kubectl('patch', kind, name, '--type=merge', '-p', JSON.stringify(body));

describe.each([
  ['NetworkPolicy', networkPolicy],
  ['CiliumNetworkPolicy', ciliumPolicy],
])('a %s', (kind, make) => {
  it('is created once and then left alone', async () => {
    const desired = make();
    const first = await applier.apply(desired);
    const second = await applier.apply(desired, first.object);
    const third = await createApplier({ client, fieldManager: 'bulkhead' }).apply(desired);
    expect([first.changed, second.changed, third.changed]).toEqual([true, false, false]);
    expect((await live(desired)).metadata.resourceVersion).toBe(first.object.metadata.resourceVersion);
  });

  it('of a user with that name is never touched', async () => {
    const theirs = make();
    await cluster.api.call('POST', `/apis/${theirs.apiVersion}/namespaces/${namespace}/${resourceOf(theirs).plural}`, {
      body: { ...theirs, metadata: { namespace, name, labels: { team: 'a' } } },
    });
    const before = await live(theirs);
    await expect(applier.apply(make())).rejects.toThrow(
      expect.objectContaining({ name: 'TerminalError', code: 'NameConflict', message: expect.stringContaining(name) }),
    );
    expect(await live(theirs)).toEqual(before);
  });

  it('that somebody creates in the same moment is never touched', async () => {
    const theirs = make();
    // The cache says there is nothing; the object appears before the write.
    await cluster.api.call('POST', `/apis/${theirs.apiVersion}/namespaces/${namespace}/${resourceOf(theirs).plural}`, {
      body: { ...theirs, metadata: { namespace, name } },
    });
    const before = await live(theirs);
    await expect(applier.apply(make(), undefined)).rejects.toBeInstanceOf(TerminalError);
    expect(await live(theirs)).toEqual(before);
  });

  it('that a user put in the place of ours is never touched', async () => {
    const desired = make();
    const { object: stale } = await applier.apply(desired);
    await kubectl('delete', kind, name);
    const path = `/apis/${desired.apiVersion}/namespaces/${namespace}/${resourceOf(desired).plural}`;
    await cluster.api.call('POST', path, { body: { ...desired, metadata: { namespace, name } } });
    const before = await live(desired);
    const changed = { ...make(), metadata: { ...make().metadata, annotations: { note: 'new' } } };
    await expect(applier.apply(changed, stale)).rejects.toBeInstanceOf(TerminalError);
    expect(await live(desired)).toEqual(before);
  });

  it('that was deleted comes back', async () => {
    const { object: stale } = await applier.apply(make());
    await kubectl('delete', kind, name);
    const changed = { ...make(), metadata: { ...make().metadata, annotations: { note: 'new' } } };
    await expect(applier.apply(changed, stale)).resolves.toMatchObject({ changed: true });
    expect((await live(changed)).spec).toEqual(stale.spec);
  });

  it('gets back the label that says whose it is', async () => {
    await applier.apply(make());
    await patch(kind, { metadata: { labels: { 'app.kubernetes.io/managed-by': null } } });
    await applier.apply(make(), undefined);
    expect((await live(make())).metadata.labels).toEqual({ 'app.kubernetes.io/managed-by': 'bulkhead' });
  });
});

describe('what somebody changed in our policy is put back', () => {
  const rows: [string, (before: PolicyObject) => unknown][] = [
    ['a rule that was opened', () => ({ spec: { egress: [{}] } })],
    ['an empty list that was filled', () => ({ spec: { ingress: [{}] } })],
    ['a list that was taken away', () => ({ spec: { egress: null } })],
    [
      'a selector that was widened',
      () => ({ spec: { podSelector: { matchLabels: { 'bulkhead.dev/sandbox': null } } } }),
    ],
    ['a direction that was dropped', () => ({ spec: { policyTypes: ['Ingress'] } })],
  ];
  it.each(rows)('%s', async (_name, change) => {
    const first = await applier.apply(networkPolicy());
    await patch('networkpolicy', change(first.object));
    const drifted = await live(networkPolicy());
    expect(drifted.spec).not.toEqual(first.object.spec);
    const again = await applier.apply(networkPolicy(), drifted);
    expect(again.changed).toBe(true);
    expect((await live(networkPolicy())).spec).toEqual(first.object.spec);
    await expect(applier.apply(networkPolicy(), again.object)).resolves.toMatchObject({ changed: false });
  });

  it('a rule that was put beside ours, also after a restart', async () => {
    const first = await applier.apply(ciliumPolicy());
    await patch('ciliumnetworkpolicy', {
      spec: { egress: [{ toEntities: ['all'] }] },
      specs: [{ endpointSelector: {}, egress: [{}] }],
    });
    const restarted = createApplier({ client, fieldManager: 'bulkhead' });
    const { changed, object } = await restarted.apply(ciliumPolicy());
    expect(changed).toBe(true);
    expect(object.spec).toEqual(first.object.spec);
    expect(object).not.toHaveProperty('specs');
    await expect(restarted.apply(ciliumPolicy(), object)).resolves.toMatchObject({ changed: false });
  });

  it('while labels and annotations of others stay', async () => {
    await applier.apply(networkPolicy());
    await kubectl('label', 'networkpolicy', name, 'team=a');
    await patch('networkpolicy', { spec: { egress: [{}] } });
    const { object } = await applier.apply(networkPolicy());
    expect(object.metadata.labels).toEqual({ 'app.kubernetes.io/managed-by': 'bulkhead', team: 'a' });
  });
});

describe('what the generated policy no longer says is gone', () => {
  it('from the spec and from the labels', async () => {
    const labels = { 'app.kubernetes.io/managed-by': 'bulkhead', 'bulkhead.dev/role': 'sandbox' };
    const first = await applier.apply(networkPolicy({ metadata: { labels } }));
    const { object } = await applier.apply(networkPolicy({ spec: { egress: [] } }), first.object);
    expect(object.metadata.labels).toEqual({ 'app.kubernetes.io/managed-by': 'bulkhead' });
    expect(object.spec['egress']).toBeUndefined();
    expect(object.spec['policyTypes']).toEqual(['Ingress', 'Egress']);
  });
});

/** A ConfigMap of the test, as the owner of something. */
async function configMapOwner(): Promise<OwnerReference> {
  const { metadata } = await cluster.api.call('POST', `/api/v1/namespaces/${namespace}/configmaps`, {
    body: { metadata: { name } },
  });
  return { apiVersion: 'v1', kind: 'ConfigMap', name, uid: metadata.uid };
}

describe('whoever may edit our policy cannot make it theirs', () => {
  const OPENED = { spec: { egress: [{}] } };
  const UNLABELLED = { labels: { 'app.kubernetes.io/managed-by': null } };
  const NO_HASH = { annotations: { [HASH_ANNOTATION]: null } };
  const NO_MANAGERS = { managedFields: [{}] };

  it.each<[string, (owner: OwnerReference) => object]>([
    ['an owner of theirs', (owner) => ({ ownerReferences: [owner] })],
    ['an owner of theirs, without our label', (owner) => ({ ownerReferences: [owner], ...UNLABELLED })],
    ['neither label nor managers', () => ({ ...UNLABELLED, ...NO_MANAGERS })],
    ['neither label nor managers, and an owner', (o) => ({ ownerReferences: [o], ...UNLABELLED, ...NO_MANAGERS })],
    ['neither label nor hash', () => ({ ...UNLABELLED, ...NO_HASH })],
    ['the label of another manager', () => ({ labels: { 'app.kubernetes.io/managed-by': 'helm' }, ...NO_MANAGERS })],
  ])('opened and given %s, it is put back, also after a restart', async (_name, tamper) => {
    const first = await applier.apply(networkPolicy());
    await patch('networkpolicy', { ...OPENED, metadata: tamper(await configMapOwner()) });
    const restarted = createApplier({ client, fieldManager: 'bulkhead' });
    const again = await restarted.apply(networkPolicy(), await live(networkPolicy()));
    expect(again.changed).toBe(true);
    const { metadata, spec } = await live(networkPolicy());
    expect(spec).toEqual(first.object.spec);
    expect(metadata.ownerReferences).toBeUndefined();
    expect(metadata.labels).toEqual(first.object.metadata.labels);
    expect(metadata.annotations).toEqual(first.object.metadata.annotations);
    await expect(restarted.apply(networkPolicy(), again.object)).resolves.toMatchObject({ changed: false });
  });

  it('an owner of theirs goes also where the body was left alone', async () => {
    await applier.apply(ciliumPolicy());
    await patch('ciliumnetworkpolicy', { metadata: { ownerReferences: [await configMapOwner()] } });
    await expect(applier.apply(ciliumPolicy(), await live(ciliumPolicy()))).resolves.toMatchObject({ changed: true });
    expect((await live(ciliumPolicy())).metadata.ownerReferences).toBeUndefined();
  });

  it('our own owner stays alone, whatever is put beside it or changed in it', async () => {
    const theirs = await configMapOwner();
    const ours = {
      apiVersion: 'v1',
      kind: 'Namespace',
      name: namespace,
      uid: await uidOfNamespace(),
      controller: true,
    };
    const make = () => networkPolicy({ metadata: { ownerReferences: [ours] } });
    const { object: first } = await applier.apply(make());
    for (const ownerReferences of [[ours, theirs], [theirs], [{ ...ours, name: 'gone' }], []]) {
      await patch('networkpolicy', { metadata: { ownerReferences } });
      await applier.apply(make(), await live(make()));
      const { uid, ownerReferences: now } = (await live(make())).metadata;
      expect({ uid, now }).toEqual({ uid: first.metadata.uid, now: [ours] });
    }
  });

  it.each(['app.kubernetes.io/managed-by', 'bulkhead.dev/sandbox', 'bulkhead.dev/role'])(
    'the label %s is put back',
    async (key) => {
      const labels = {
        'app.kubernetes.io/managed-by': 'bulkhead',
        'bulkhead.dev/sandbox': 'coder',
        'bulkhead.dev/role': 'sandbox',
      };
      const make = () => networkPolicy({ metadata: { labels } });
      await applier.apply(make());
      for (const value of ['other', null]) {
        await patch('networkpolicy', { metadata: { labels: { [key]: value } } });
        await expect(applier.apply(make(), await live(make()))).resolves.toMatchObject({ changed: true });
        expect((await live(make())).metadata.labels).toEqual(labels);
      }
    },
  );

  const STRIPPED = { ...UNLABELLED, ...NO_HASH, ...NO_MANAGERS };

  it('with every mark taken away it is known by its UID', async () => {
    const first = await applier.apply(networkPolicy());
    await patch('networkpolicy', { ...OPENED, metadata: STRIPPED });
    await expect(applier.apply(networkPolicy(), await live(networkPolicy()))).resolves.toMatchObject({ changed: true });
    expect((await live(networkPolicy())).spec).toEqual(first.object.spec);
  });

  it('an operator that only saw it knows it as well', async () => {
    const { object } = await applier.apply(networkPolicy());
    const restarted = createApplier({ client, fieldManager: 'bulkhead' });
    await restarted.apply(networkPolicy(), object);
    await patch('networkpolicy', { ...OPENED, metadata: STRIPPED });
    await restarted.apply(networkPolicy());
    expect((await live(networkPolicy())).spec).toEqual(object.spec);
  });

  it('and removed', async () => {
    const { object } = await applier.apply(networkPolicy());
    await patch('networkpolicy', { metadata: STRIPPED });
    await expect(applier.remove(object)).resolves.toBe(true);
  });

  it.each([
    [1, true],
    [2, false],
  ])('after %i others its UID is remembered where room is for two: %s', async (others, isKnown) => {
    const small = createApplier({ client, fieldManager: 'bulkhead', maxRemembered: 2 });
    await small.apply(networkPolicy());
    await patch('networkpolicy', { metadata: STRIPPED });
    const stripped = await live(networkPolicy());
    for (let other = 0; other < others; other += 1) {
      await small.apply(networkPolicy({ metadata: { name: `${name}-${other}` } }));
    }
    await expect(small.remove(stripped)).resolves.toBe(isKnown);
  });
});

describe('a finalizer that somebody added', () => {
  const FINALIZERS = ['test.bulkhead.dev/hold'];
  const hold = async () => {
    await patch('networkpolicy', { metadata: { finalizers: FINALIZERS } });
    onTestFinished(() => patch('networkpolicy', { metadata: { finalizers: null } }));
  };

  it('is no drift', async () => {
    await applier.apply(networkPolicy());
    await hold();
    await expect(applier.apply(networkPolicy(), await live(networkPolicy()))).resolves.toMatchObject({
      changed: false,
    });
  });

  it('does not keep ours from being put back, also while it is being deleted', async () => {
    const first = await applier.apply(networkPolicy());
    await hold();
    await kubectl('delete', 'networkpolicy', name, '--wait=false');
    await patch('networkpolicy', { spec: { egress: [{}] }, metadata: { ownerReferences: [await configMapOwner()] } });
    const again = await applier.apply(networkPolicy(), await live(networkPolicy()));
    const { metadata, spec } = await live(networkPolicy());
    expect({ finalizers: metadata.finalizers, owners: metadata.ownerReferences, spec }).toEqual({
      finalizers: FINALIZERS,
      owners: undefined,
      spec: first.object.spec,
    });
    await expect(applier.apply(networkPolicy(), again.object)).resolves.toMatchObject({ changed: false });
  });
});

async function uidOfNamespace(): Promise<string> {
  return (await cluster.api.call('GET', `/api/v1/namespaces/${namespace}`)).metadata.uid;
}

describe('owners', () => {
  const owner = (over: object) => ({
    ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: 'uid', controller: true, ...over }],
  });

  it('an object with an owner that we never made is never touched', async () => {
    const theirs = networkPolicy({ metadata: { labels: {}, ownerReferences: [await configMapOwner()] } });
    await cluster.api.call('POST', `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`, {
      body: theirs,
    });
    const before = await live(theirs);
    await expect(applier.apply(networkPolicy())).rejects.toMatchObject({ code: 'NameConflict' });
    expect(await live(theirs)).toEqual(before);
  });

  it('an earlier life of the same owner is taken over without a gap', async () => {
    const make = (uid: string) =>
      networkPolicy({ metadata: { ...owner({ name, uid }), labels: { 'app.kubernetes.io/managed-by': 'bulkhead' } } });
    const configMap = { body: { metadata: { name, finalizers: ['test.bulkhead.dev/hold'] } } };
    const first = await cluster.api.call('POST', `/api/v1/namespaces/${namespace}/configmaps`, configMap);
    const before = await applier.apply(make(first.metadata.uid));
    const { object } = await applier.apply(make('00000000-0000-4000-8000-000000000000'), before.object);
    expect(object.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual(['00000000-0000-4000-8000-000000000000']);
    expect(object.metadata.uid).toBe(before.object.metadata.uid);
    await kubectl('patch', 'configmap', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
  });
});

describe('removing', () => {
  it('deletes what is ours', async () => {
    const { object } = await applier.apply(networkPolicy());
    await expect(applier.remove(object)).resolves.toBe(true);
    await expect(applier.remove(object)).resolves.toBe(false);
    expect(await client.get({ resource: RESOURCES.networkPolicies, namespace, name })).toBeUndefined();
  });

  it('leaves a later object of the same name alone', async () => {
    const { object } = await applier.apply(networkPolicy());
    await kubectl('delete', 'networkpolicy', name);
    await applier.apply(networkPolicy());
    await expect(applier.remove(object)).resolves.toBe(false);
    await live(networkPolicy());
  });
});

it('a field that the cluster does not know is refused, never dropped', async () => {
  const misspelt = { ...ciliumPolicy().spec, egressDenyAll: [{ toEntities: ['all'] }] };
  await expect(applier.apply({ ...ciliumPolicy(), spec: misspelt })).rejects.toThrow(/egressDenyAll/);
  expect(await client.get({ resource: RESOURCES.ciliumNetworkPolicies, namespace, name })).toBeUndefined();
});
