import { describe, expect, test } from 'vitest';
import { sandboxSpec } from '../../test/support/objects.ts';
import type { AgentSandboxSpec, EgressRule } from '../api/v1alpha1/agent-sandbox.ts';
import { compilePolicy } from './compile.ts';
import type { ClusterFacts, Engine, PolicyInput, PolicyObject, ServiceFacts } from './plan.ts';

const HTTPS = [{ protocol: 'TCP' as const, port: 443 }];

function facts(engine: Engine, over: Partial<ClusterFacts> = {}): ClusterFacts {
  return { engine, apiServerAddresses: [], nodeAddresses: [], services: new Map(), ...over };
}

function input(spec: Partial<AgentSandboxSpec> | undefined, over: Partial<PolicyInput> = {}): PolicyInput {
  return {
    namespace: 'agents',
    name: 'rome',
    uid: 'uid-rome',
    spec: spec === undefined ? undefined : sandboxSpec(spec),
    quarantined: [],
    ...over,
  };
}

function allowing(rule: Partial<EgressRule>, dns: Partial<AgentSandboxSpec['egress']['dns']> = {}) {
  const allow = [{ name: 'web', to: [{ cidr: '203.0.113.0/24' }], ports: HTTPS, ...rule }];
  return { egress: { allow, dns: { resolvers: [], names: [], ...dns } } };
}

const idsOf = (objects: readonly PolicyObject[]) => objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
const find = (objects: readonly PolicyObject[], kind: string, name: string) => {
  const object = objects.find((candidate) => candidate.kind === kind && candidate.metadata.name === name);
  if (object === undefined) {
    throw new Error(`no ${kind} ${name} among ${idsOf(objects).join(', ')}`);
  }
  return object;
};
const allowList = (objects: readonly PolicyObject[]) => find(objects, 'NetworkPolicy', 'bulkhead-rome').spec;
const cilium = (objects: readonly PolicyObject[]) => find(objects, 'CiliumNetworkPolicy', 'bulkhead-rome').spec;

describe('which policies there are, in the order to apply', () => {
  const quarantined = ['id-1'];
  test.each([
    ['Enforce', 'kubernetes', [], ['NetworkPolicy/bulkhead-rome-floor', 'NetworkPolicy/bulkhead-rome']],
    [
      'Enforce',
      'cilium',
      [],
      ['NetworkPolicy/bulkhead-rome-floor', 'CiliumNetworkPolicy/bulkhead-rome', 'NetworkPolicy/bulkhead-rome'],
    ],
    [
      'Enforce',
      'cilium',
      quarantined,
      [
        'CiliumNetworkPolicy/bulkhead-rome-quarantine',
        'NetworkPolicy/bulkhead-rome-quarantine',
        'NetworkPolicy/bulkhead-rome-floor',
        'CiliumNetworkPolicy/bulkhead-rome',
        'NetworkPolicy/bulkhead-rome',
      ],
    ],
    ['Observe', 'cilium', [], []],
    ['Observe', 'kubernetes', quarantined, ['NetworkPolicy/bulkhead-rome-quarantine']],
    ['Lockdown', 'kubernetes', [], ['NetworkPolicy/bulkhead-rome-floor', 'NetworkPolicy/bulkhead-rome']],
    [
      'Lockdown',
      'cilium',
      [],
      ['NetworkPolicy/bulkhead-rome-floor', 'CiliumNetworkPolicy/bulkhead-rome', 'NetworkPolicy/bulkhead-rome'],
    ],
  ] as const)('%s on %s with %j cut off', (mode, engine, ids, expected) => {
    const { objects } = compilePolicy(input({ mode }, { quarantined: ids }), facts(engine));
    expect(idsOf(objects)).toEqual(expected);
  });

  test('of a sandbox that is gone, its quarantine alone, owned by nobody', () => {
    const { objects } = compilePolicy(input(undefined, { quarantined }), facts('cilium'));
    expect(idsOf(objects)).toEqual([
      'CiliumNetworkPolicy/bulkhead-rome-quarantine',
      'NetworkPolicy/bulkhead-rome-quarantine',
    ]);
    expect(objects.map(({ metadata }) => metadata.ownerReferences)).toEqual([undefined, undefined]);
  });
});

describe('quarantine', () => {
  test('takes the id out of the allow list and denies it by its own policy', () => {
    const { objects } = compilePolicy(input({}, { quarantined: ['b', 'a', 'b'] }), facts('kubernetes'));
    expect(allowList(objects)['podSelector']).toEqual({
      matchLabels: { 'bulkhead.dev/sandbox': 'rome' },
      matchExpressions: [{ key: 'bulkhead.dev/pod-id', operator: 'NotIn', values: ['a', 'b'] }],
    });
    expect(find(objects, 'NetworkPolicy', 'bulkhead-rome-quarantine').spec).toEqual({
      podSelector: { matchExpressions: [{ key: 'bulkhead.dev/pod-id', operator: 'In', values: ['a', 'b'] }] },
      policyTypes: ['Egress', 'Ingress'],
    });
  });

  test('does not touch the floor, so that a pod is never without a policy while ids move', () => {
    const floor = (quarantined: string[]) =>
      find(compilePolicy(input({}, { quarantined }), facts('cilium')).objects, 'NetworkPolicy', 'bulkhead-rome-floor');
    expect(floor(['a'])).toEqual(floor([]));
    expect(floor([]).spec).toEqual({
      podSelector: { matchLabels: { 'bulkhead.dev/sandbox': 'rome' } },
      policyTypes: ['Egress', 'Ingress'],
    });
  });

  test('on Cilium denies everything out, and in from the world and from pods, but never from the node', () => {
    const { objects } = compilePolicy(input({}, { quarantined: ['a'] }), facts('cilium'));
    expect(find(objects, 'CiliumNetworkPolicy', 'bulkhead-rome-quarantine').spec).toEqual({
      endpointSelector: { matchExpressions: [{ key: 'bulkhead.dev/pod-id', operator: 'In', values: ['a'] }] },
      enableDefaultDeny: { egress: true, ingress: true },
      egressDeny: [{ toEntities: ['all'] }],
      ingressDeny: [
        { fromEntities: ['world'] },
        { fromEndpoints: [{ matchExpressions: [{ key: 'k8s:io.kubernetes.pod.namespace', operator: 'Exists' }] }] },
      ],
    });
  });

  test('is split at 200 ids, each in exactly one policy', () => {
    const ids = Array.from({ length: 401 }, (_, index) => `id-${index}`);
    const { objects } = compilePolicy(input(undefined, { quarantined: ids }), facts('kubernetes'));
    const held = objects.map(({ spec }) => {
      const selector = spec['podSelector'] as { matchExpressions: { values: string[] }[] };
      return selector.matchExpressions.flatMap(({ values }) => values);
    });
    expect(idsOf(objects)).toEqual([
      'NetworkPolicy/bulkhead-rome-quarantine',
      'NetworkPolicy/bulkhead-rome-quarantine-2',
      'NetworkPolicy/bulkhead-rome-quarantine-3',
    ]);
    expect(held.map(({ length }) => length)).toEqual([200, 200, 1]);
    expect(held.flat().sort()).toEqual(ids.toSorted());
  });

  test.each([
    ['no label value', 'a b'],
    ['empty', ''],
    ['too long', 'a'.repeat(64)],
  ])('an id that is %s is left out: it is on no pod, and the API server would refuse the whole policy', (_what, id) => {
    const { objects } = compilePolicy(input(undefined, { quarantined: [id] }), facts('cilium'));
    expect(objects).toEqual([]);
  });
});

test('Lockdown stands in for the allow list under its name and allows nothing to any pod of the sandbox', () => {
  const spec = { ...allowing({}), mode: 'Lockdown' as const };
  const { objects } = compilePolicy(input(spec, { quarantined: ['a'] }), facts('cilium'));
  const pods = { matchLabels: { 'bulkhead.dev/sandbox': 'rome' } };
  expect(allowList(objects)).toEqual({ podSelector: pods, policyTypes: ['Egress', 'Ingress'] });
  expect(cilium(objects)).toMatchObject({ endpointSelector: pods, egressDeny: [{ toEntities: ['all'] }] });
  expect(cilium(objects)).not.toHaveProperty('egress');
});

describe('what stays denied is named', () => {
  const gapsOf = (spec: Partial<AgentSandboxSpec>, engine: Engine = 'cilium') =>
    compilePolicy(input(spec), facts(engine)).gaps.map(({ reason, field }) => `${reason} ${field}`);

  test.each<[string, Partial<AgentSandboxSpec>, Engine, string[]]>([
    ['nothing of an ordinary rule', allowing({}), 'kubernetes', []],
    [
      'a name, where the engine knows none',
      allowing({ to: [{ fqdn: 'api.example.com' }] }),
      'kubernetes',
      ['EngineCannotExpress spec.egress.allow[web].to[0].fqdn'],
    ],
    ['a name is no gap under Cilium', allowing({ to: [{ fqdn: 'api.example.com' }] }), 'cilium', []],
    [
      'names to ask for, where the engine sees none',
      allowing({}, { names: ['example.com'] }),
      'kubernetes',
      ['EngineCannotExpress spec.egress.dns.names'],
    ],
    ['HTTP', allowing({ http: [{ method: 'GET' }] }), 'cilium', ['NotYetEnforced spec.egress.allow[web].http']],
    [
      'a preset',
      allowing({ to: [{ preset: 'github' }, { cidr: '203.0.113.0/24' }] }),
      'cilium',
      ['NotYetEnforced spec.egress.allow[web].to[0].preset'],
    ],
    [
      'a metadata address',
      allowing({ to: [{ cidr: '169.254.169.254/32' }] }),
      'cilium',
      ['BaselineDenied spec.egress.allow[web].to[0].cidr'],
    ],
    [
      'a metadata address as a resolver',
      allowing({}, { resolvers: [{ address: '169.254.169.253' }] }),
      'kubernetes',
      ['BaselineDenied spec.egress.dns.resolvers[0].address'],
    ],
    [
      'a node-local network on the way in',
      { ingress: { allow: [{ name: 'in', from: [{ cidr: '169.254.0.0/24' }], ports: HTTPS }] } },
      'kubernetes',
      ['BaselineDenied spec.ingress.allow[in].from[0].cidr'],
    ],
    [
      'a Service nobody knows',
      allowing({ to: [{ service: { name: 'model' } }] }),
      'kubernetes',
      ['ServiceUnknown spec.egress.allow[web].to[0].service'],
    ],
    [
      'port 53 in a rule, where names are checked',
      allowing({ ports: [{ protocol: 'UDP', port: 53 }, ...HTTPS] }),
      'cilium',
      ['BaselineDenied spec.egress.allow[web].ports'],
    ],
    ['port 53 in a rule is no gap elsewhere', allowing({ ports: [{ protocol: 'UDP', port: 53 }] }), 'kubernetes', []],
    [
      'pods by their owner',
      { selector: { targetRef: { group: 'apps', kind: 'Deployment', name: 'agent' } } },
      'kubernetes',
      ['NotYetEnforced spec.selector.targetRef'],
    ],
  ])('%s', (_what, spec, engine, gaps) => {
    expect(gapsOf(spec, engine)).toEqual(gaps);
  });

  test('Observe names the same gaps as Enforce would have', () => {
    expect(gapsOf({ ...allowing({ http: [{}] }), mode: 'Observe' })).toEqual([
      'NotYetEnforced spec.egress.allow[web].http',
    ]);
  });
});

describe('a rule that cannot be said as written is denied, not widened', () => {
  test.each<[string, Partial<EgressRule>]>([
    ['HTTP', { http: [{ method: 'GET' }] }],
    ['a preset alone', { to: [{ preset: 'github' }] }],
    ['only baseline', { to: [{ cidr: '127.0.0.0/8' }] }],
    ['only an unknown Service', { to: [{ service: { name: 'model' } }] }],
    ['only port 53', { ports: [{ protocol: 'TCP', port: 53 }] }],
  ])('%s', (_what, rule) => {
    const { objects } = compilePolicy(input(allowing(rule)), facts('cilium'));
    expect(allowList(objects)).not.toHaveProperty('egress');
    expect(cilium(objects)['egress']).toHaveLength(1);
  });
});

describe('a Service stands for the pods behind it', () => {
  const services = new Map<string, ServiceFacts>([
    [
      'inference/model',
      {
        selector: { app: 'vllm' },
        clusterIPs: ['10.96.7.7'],
        ports: [
          { name: 'https', port: 443, targetPort: 8443, protocol: 'TCP' },
          { name: 'metrics', port: 9090, targetPort: 'metrics', protocol: 'TCP' },
          { name: 'dns', port: 5353, targetPort: 53, protocol: 'UDP' },
        ],
      },
    ],
    ['agents/bare', { selector: {}, clusterIPs: [], ports: [] }],
  ]);
  const egress = (rule: Partial<EgressRule>, engine: Engine = 'kubernetes') =>
    compilePolicy(input(allowing(rule)), facts(engine, { services }));
  const model = { service: { name: 'model', namespace: 'inference' } };
  const pods = {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'inference' } },
    podSelector: { matchLabels: { app: 'vllm' } },
  };

  test('on the port they listen on', () => {
    expect(allowList(egress({ to: [model] }).objects)['egress']).toContainEqual({
      to: [pods],
      ports: [{ protocol: 'TCP', port: 8443 }],
    });
  });

  test('on a port that they name', () => {
    const ports = [{ protocol: 'TCP' as const, port: 9000, endPort: 9999 }];
    expect(allowList(egress({ to: [model], ports }).objects)['egress']).toContainEqual({
      to: [pods],
      ports: [{ protocol: 'TCP', port: 'metrics' }],
    });
  });

  test('never on port 53 where names are checked, under whatever number the Service shows it', () => {
    const ports = [{ protocol: 'UDP' as const, port: 5353 }];
    const { objects, gaps } = egress({ to: [model], ports }, 'cilium');
    expect(allowList(objects)).not.toHaveProperty('egress');
    expect(gaps).toHaveLength(1);
  });

  test('a Service without selector stays denied', () => {
    const { gaps } = egress({ to: [{ service: { name: 'bare' } }] });
    expect(gaps[0]).toMatchObject({ reason: 'ServiceUnknown', message: expect.stringContaining('has no selector') });
  });

  test('a port the Service does not have stays denied', () => {
    const { gaps } = egress({ to: [model], ports: [{ protocol: 'TCP', port: 80 }] });
    expect(gaps[0]).toMatchObject({ reason: 'ServiceUnknown', message: expect.stringContaining('none of the ports') });
  });
});

describe('resolvers', () => {
  const dnsPorts = [
    { protocol: 'TCP', port: 53 },
    { protocol: 'UDP', port: 53 },
  ];

  test('are the cluster’s own by default', () => {
    const { objects } = compilePolicy(input({}), facts('kubernetes'));
    expect(allowList(objects)['egress']).toEqual([
      {
        to: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
            podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
          },
        ],
        ports: dnsPorts,
      },
    ]);
  });

  test('may be addresses and pods, and are then the only ones', () => {
    const resolvers = [{ address: '10.0.0.53' }, { pods: { podSelector: { matchLabels: { app: 'dns' } } } }];
    const spec = allowing({ to: [{ preset: 'none' }] }, { resolvers });
    expect(allowList(compilePolicy(input(spec), facts('kubernetes')).objects)['egress']).toEqual([
      {
        to: [{ ipBlock: { cidr: '10.0.0.53/32' } }, { podSelector: { matchLabels: { app: 'dns' } } }],
        ports: dnsPorts,
      },
    ]);
    const rules = cilium(compilePolicy(input(spec), facts('cilium')).objects);
    expect(rules['egress']).toMatchObject([
      { toEndpoints: [{ matchLabels: { 'k8s:app': 'dns', 'k8s:io.kubernetes.pod.namespace': 'agents' } }] },
      { toCIDR: ['10.0.0.53/32'] },
    ]);
  });
});

describe('under Cilium', () => {
  const compiled = (rule: Partial<EgressRule>, over: Partial<ClusterFacts> = {}) =>
    compilePolicy(input(allowing(rule)), facts('cilium', over)).objects;

  test('no NetworkPolicy opens port 53, because that would let every name through', () => {
    const all = [
      { protocol: 'TCP' as const, port: 1, endPort: 65535 },
      { protocol: 'UDP' as const, port: 1, endPort: 65535 },
    ];
    expect(allowList(compiled({ to: [{ pods: { namespaceSelector: {} } }], ports: all }))['egress']).toEqual([
      {
        to: [{ namespaceSelector: {} }],
        ports: [
          { protocol: 'TCP', port: 1, endPort: 52 },
          { protocol: 'TCP', port: 54, endPort: 65535 },
          { protocol: 'UDP', port: 1, endPort: 52 },
          { protocol: 'UDP', port: 54, endPort: 65535 },
        ],
      },
    ]);
  });

  test('names are allowed by the ports of their rule', () => {
    const rules = cilium(compiled({ to: [{ fqdn: '*.example.com' }, { fqdn: 'api.example.com' }] }))['egress'];
    expect(rules).toContainEqual({
      toFQDNs: [{ matchPattern: '*.example.com' }, { matchName: 'api.example.com' }],
      toPorts: [{ ports: [{ protocol: 'TCP', port: '443' }] }],
    });
  });

  test('more than 40 ports are split, as the CRD wants it', () => {
    const ports = Array.from({ length: 50 }, (_, index) => ({ protocol: 'TCP' as const, port: 1000 + 2 * index }));
    const rules = cilium(compiled({ to: [{ fqdn: 'api.example.com' }], ports }))['egress'] as {
      toPorts: { ports: unknown[] }[];
    }[];
    expect(rules[1]?.toPorts.map((entry) => entry.ports.length)).toEqual([40, 10]);
  });

  test('the baseline is denied outright, so that no name and no other policy leads there', () => {
    const deny = cilium(compiled({}, { apiServerAddresses: ['198.51.100.10'], nodeAddresses: ['198.51.100.20'] }));
    const [networks, entities] = deny['egressDeny'] as [{ toCIDRSet: { cidr: string }[] }, unknown];
    expect(networks.toCIDRSet.map(({ cidr }) => cidr)).toEqual(
      expect.arrayContaining(['169.254.0.0/16', '10.0.0.0/8', 'fc00::/7', '198.51.100.10/32', '198.51.100.20/32']),
    );
    expect(entities).toEqual({ toEntities: ['host', 'kube-apiserver', 'remote-node'] });
  });

  test.each([
    ['a part of private space', '10.1.0.0/16', { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] }],
    ['a resolver', undefined, { cidr: '10.0.0.0/8', except: ['10.0.0.53/32'] }],
  ])('%s that is listed is spared by the deny on private space', (_what, cidr, entry) => {
    const to = [{ cidr: cidr ?? '203.0.113.0/24' }];
    const resolvers = cidr === undefined ? [{ address: '10.0.0.53' }] : [];
    const { objects } = compilePolicy(input(allowing({ to }, { resolvers })), facts('cilium'));
    const [networks] = cilium(objects)['egressDeny'] as [{ toCIDRSet: unknown[] }];
    expect(networks.toCIDRSet).toContainEqual(entry);
    expect(networks.toCIDRSet).not.toContainEqual({ cidr: '10.0.0.0/8' });
  });

  test('what a rule excepts is denied, so that no name leads there, unless another rule allows it', () => {
    const deniedFor = (allow: EgressRule[]) => {
      const { objects } = compilePolicy(
        input({ egress: { allow, dns: { resolvers: [], names: [] } } }),
        facts('cilium'),
      );
      const [networks] = cilium(objects)['egressDeny'] as [{ toCIDRSet: unknown[] }];
      return networks.toCIDRSet;
    };
    const excepting = { name: 'web', to: [{ cidr: '10.1.0.0/16', except: ['10.1.0.0/17'] }], ports: HTTPS };
    const named = { name: 'git', to: [{ fqdn: '*.example.com' }], ports: [{ protocol: 'TCP' as const, port: 22 }] };
    const other = { name: 'other', to: [{ cidr: '10.1.0.0/24' }], ports: HTTPS };
    expect(deniedFor([excepting, named])).toContainEqual({ cidr: '10.1.0.0/17' });
    expect(deniedFor([excepting, named, other])).toContainEqual({ cidr: '10.1.0.0/17', except: ['10.1.0.0/24'] });
    const whole = { ...other, to: [{ cidr: '10.1.0.0/17' }] };
    expect(deniedFor([excepting, named, whole])).not.toContainEqual(expect.objectContaining({ cidr: '10.1.0.0/17' }));
    // All of a network excepted opens nothing of it, and says so as a gap; denied it stays all the same.
    const nothing = { ...excepting, to: [{ cidr: '203.0.113.0/24', except: ['203.0.113.0/24'] }] };
    expect(deniedFor([nothing, named])).toContainEqual({ cidr: '203.0.113.0/24' });
  });

  test('private space that is listed as a whole is not denied at all', () => {
    const [networks] = cilium(compiled({ to: [{ cidr: '10.0.0.0/8' }] }))['egressDeny'] as [
      { toCIDRSet: { cidr: string }[] },
    ];
    expect(networks.toCIDRSet.map(({ cidr }) => cidr)).not.toContain('10.0.0.0/8');
    expect(networks.toCIDRSet.map(({ cidr }) => cidr)).toContain('172.16.0.0/12');
  });
});
