/**
 * AgentSandboxes that must be accepted or refused, and why: one table for the offline reader and for the API server.
 *
 * A row holds the whole object, made from a small valid one. `field` is the path that both must name; `says` is the message
 * of the CEL rule that both must repeat.
 */

/** What both must say about a refused object. */
export interface Refusal {
  field: string;
  says?: string;
}

export type SandboxCase = readonly [name: string, object: Record<string, unknown>, refusal: Refusal | 'accepted'];

type Fields = Record<string, unknown>;

const SELECTOR: Fields = { podSelector: { matchLabels: { app: 'agent' } } };
const PORTS = [{ port: 443 }];

function sandbox(spec: Fields, metadata: Fields = {}): Record<string, unknown> {
  return {
    apiVersion: 'bulkhead.dev/v1alpha1',
    kind: 'AgentSandbox',
    metadata: { name: 'case', namespace: 'default', ...metadata },
    spec: { selector: SELECTOR, ...spec },
  };
}

const egress = (...allow: unknown[]) => sandbox({ egress: { allow } });
const to = (...peers: unknown[]) => egress({ name: 'rule', to: peers, ports: PORTS });
const from = (...peers: unknown[]) => sandbox({ ingress: { allow: [{ name: 'rule', from: peers, ports: PORTS }] } });
const ports = (...list: unknown[]) => egress({ name: 'rule', to: [{ fqdn: 'example.com' }], ports: list });
const selector = (value: unknown) => sandbox({ selector: value });
const target = (group: unknown, kind: string, name = 'x') =>
  selector({ targetRef: { ...(group === undefined ? {} : { group }), kind, name } });
const resolvers = (...list: unknown[]) => sandbox({ egress: { dns: { resolvers: list } } });

const PEER = 'spec.egress.allow[0].to[0]';
const PORT = 'spec.egress.allow[0].ports[0]';
const ONE_PEER = 'set exactly one of fqdn, cidr, pods, service, preset';
const NETWORK = 'without host bits after the prefix';
const LONG_NAME = `${'a'.repeat(61)}.${'b'.repeat(61)}.${'c'.repeat(61)}.${'d'.repeat(61)}`;

const cidr = (text: string, refused: boolean): SandboxCase => [
  `the network ${text}`,
  to({ cidr: text }),
  refused ? { field: `${PEER}.cidr`, says: NETWORK } : 'accepted',
];
const fqdn = (text: string, refused: boolean): SandboxCase => [
  `the name ${text.length > 60 ? `of ${text.length} characters` : text}`,
  to({ fqdn: text }),
  refused ? { field: `${PEER}.fqdn` } : 'accepted',
];

/** Objects as a whole, and which pods they select. */
const SELECTOR_CASES: SandboxCase[] = [
  ['only a selector', sandbox({}), 'accepted'],
  ['no spec', { ...sandbox({}), spec: undefined }, { field: 'spec' }],
  ['null where a default is', sandbox({ egress: null, ingress: { allow: null }, mode: null }), 'accepted'],
  ['null where nothing is needed', sandbox({ response: { circuitBreaker: null } }), 'accepted'],
  ['null where something is needed', sandbox({ selector: null }), { field: 'spec.selector' }],
  ['null in a list', egress(null), { field: 'spec.egress.allow[0]' }],
  ['an unknown field', sandbox({ egres: {} }), { field: 'spec.egres' }],
  ['an unknown field far down', to({ fqdn: 'example.com', port: 1 }), { field: `${PEER}.port` }],
  ['an unknown field beside spec', { ...sandbox({}), specs: {} }, { field: 'specs' }],
  ['an unknown mode', sandbox({ mode: 'enforce' }), { field: 'spec.mode' }],
  ['a list where an object belongs', sandbox({ egress: [] }), { field: 'spec.egress' }],
  ['a number where text belongs', sandbox({ mode: 1 }), { field: 'spec.mode' }],
  [
    'text where true or false belongs',
    sandbox({ admission: { requireLimits: 'true' } }),
    { field: 'spec.admission.requireLimits' },
  ],
  ['a name of 63 characters', sandbox({}, { name: 'a'.repeat(63) }), 'accepted'],
  ['a name of 64 characters', sandbox({}, { name: 'a'.repeat(64) }), { field: '', says: 'at most 63 characters' }],
  ['a name in upper case', sandbox({}, { name: 'Agent' }), { field: 'metadata.name' }],
  ['a label that is none', sandbox({}, { labels: { 'a b': 'c' } }), { field: 'metadata.labels' }],
  ['an unknown field of the metadata', sandbox({}, { lables: {} }), { field: 'metadata.lables' }],
  ['no selector', { ...sandbox({}), spec: {} }, { field: 'spec.selector' }],
  [
    'an empty pod selector',
    selector({ podSelector: {} }),
    { field: 'spec.selector.podSelector', says: 'an empty selector would take every pod' },
  ],
  [
    'a pod selector with empty parts',
    selector({ podSelector: { matchLabels: {}, matchExpressions: [] } }),
    { field: 'spec.selector.podSelector', says: 'an empty selector would take every pod' },
  ],
  [
    'a label without value, which is dropped',
    selector({ podSelector: { matchLabels: { app: null } } }),
    { field: 'spec.selector.podSelector', says: 'an empty selector would take every pod' },
  ],
  ['neither selector', selector({}), { field: 'spec.selector', says: 'set exactly one of podSelector and targetRef' }],
  [
    'both selectors',
    selector({ ...SELECTOR, targetRef: { group: 'batch', kind: 'Job', name: 'x' } }),
    { field: 'spec.selector', says: 'set exactly one of podSelector and targetRef' },
  ],
  ['a label with the empty value', selector({ podSelector: { matchLabels: { app: '' } } }), 'accepted'],
  [
    'a label value with a space',
    selector({ podSelector: { matchLabels: { app: 'a b' } } }),
    { field: 'spec.selector.podSelector.matchLabels.app' },
  ],
  [
    'a label key with a prefix',
    selector({ podSelector: { matchLabels: { 'app.kubernetes.io/name': 'a' } } }),
    'accepted',
  ],
  [
    'a label key with a space',
    selector({ podSelector: { matchLabels: { 'a b': 'c' } } }),
    { field: 'spec.selector.podSelector.matchLabels', says: 'every key must be a label key' },
  ],
  [
    'a number as label value',
    selector({ podSelector: { matchLabels: { app: 1 } } }),
    { field: 'spec.selector.podSelector.matchLabels.app' },
  ],
  [
    '33 labels',
    selector({
      podSelector: { matchLabels: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, 'v'])) },
    }),
    { field: 'spec.selector.podSelector.matchLabels' },
  ],
  [
    'In with values',
    selector({ podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['a'] }] } }),
    'accepted',
  ],
  [
    'In without values',
    selector({ podSelector: { matchExpressions: [{ key: 'app', operator: 'In' }] } }),
    { field: 'spec.selector.podSelector', says: 'operators In and NotIn need values' },
  ],
  [
    'Exists with values',
    selector({ podSelector: { matchExpressions: [{ key: 'app', operator: 'Exists', values: ['a'] }] } }),
    { field: 'spec.selector.podSelector', says: 'Exists and DoesNotExist take none' },
  ],
  [
    'an unknown operator',
    selector({ podSelector: { matchExpressions: [{ key: 'app', operator: 'Equals', values: ['a'] }] } }),
    { field: 'spec.selector.podSelector.matchExpressions[0].operator' },
  ],
  ['a Deployment as target', target('apps', 'Deployment'), 'accepted'],
  ['a SandboxTemplate as target', target('extensions.agents.x-k8s.io', 'SandboxTemplate'), 'accepted'],
  [
    'a target without group, which is the core group',
    target(undefined, 'Pod'),
    { field: 'spec.selector.targetRef', says: 'must be one of agents.x-k8s.io Sandbox' },
  ],
  [
    'a kind of another group as target',
    target('batch', 'Deployment'),
    { field: 'spec.selector.targetRef', says: 'must be one of agents.x-k8s.io Sandbox' },
  ],
  [
    'a target without name',
    selector({ targetRef: { group: 'batch', kind: 'Job' } }),
    { field: 'spec.selector.targetRef.name' },
  ],
];

const PEER_CASES: SandboxCase[] = [
  cidr('0.0.0.0/0', false),
  cidr('203.0.113.7/32', false),
  cidr('2001:db8::/32', false),
  cidr('2001:DB8:0:0::/32', false),
  cidr('64:ff9b::1.2.3.4/128', false),
  cidr('10.0.0.1/8', true),
  cidr('2001:db8::1/32', true),
  cidr('10.0.0.0', true),
  cidr('10.0.0.0/33', true),
  cidr('10.0.0.0/08', true),
  cidr('010.0.0.0/8', true),
  cidr('10.0.0/24', true),
  cidr('::ffff:10.0.0.0/104', true),
  cidr('::ffff:0:0/96', true),
  cidr('fe80::%eth0/10', true),
  cidr('1::2::3/128', true),
  cidr('example.com/8', true),
  ['except inside the network', to({ cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.0.0.0/8'] }), 'accepted'],
  [
    'except outside the network',
    to({ cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] }),
    { field: PEER, says: 'every network in except must lie inside cidr' },
  ],
  [
    'except around the network',
    to({ cidr: '10.1.0.0/16', except: ['10.0.0.0/8'] }),
    { field: PEER, says: 'every network in except must lie inside cidr' },
  ],
  [
    'except of the other family',
    to({ cidr: '0.0.0.0/0', except: ['::/0'] }),
    { field: PEER, says: 'every network in except must lie inside cidr' },
  ],
  [
    'except with host bits',
    to({ cidr: '10.0.0.0/8', except: ['10.1.0.1/16'] }),
    { field: `${PEER}.except[0]`, says: NETWORK },
  ],
  [
    'except without network',
    to({ fqdn: 'example.com', except: ['10.0.0.0/8'] }),
    { field: PEER, says: 'except needs a cidr' },
  ],
  fqdn('example.com', false),
  fqdn('*.example.com', false),
  fqdn('xn--bcher-kva.example', false),
  fqdn(`${LONG_NAME}.com`, false),
  fqdn(`${LONG_NAME}.company`, true),
  fqdn('example.com.', true),
  fqdn('Example.com', true),
  fqdn('bücher.example', true),
  fqdn('*', true),
  fqdn('*.*.example.com', true),
  fqdn('*.com', true),
  fqdn('a.*.example.com', true),
  fqdn('localhost', true),
  fqdn('10.0.0.1', true),
  fqdn('example.com\n', true),
  fqdn(`${'a'.repeat(64)}.com`, true),
  ['a peer that is nothing', to({}), { field: PEER, says: ONE_PEER }],
  ['a peer that is two things', to({ fqdn: 'example.com', cidr: '10.0.0.0/8' }), { field: PEER, says: ONE_PEER }],
  [
    'every kind of peer',
    to(
      { fqdn: 'example.com' },
      { cidr: '10.0.0.0/8' },
      { pods: { namespaceSelector: {} } },
      { service: { name: 'db' } },
      { preset: 'pypi' },
    ),
    'accepted',
  ],
  [
    'pods without selector',
    to({ pods: {} }),
    { field: `${PEER}.pods`, says: 'needs a namespaceSelector, a podSelector or both' },
  ],
  ['a service without name', to({ service: { namespace: 'x' } }), { field: `${PEER}.service.name` }],
  ['ingress from a network', from({ cidr: '10.0.0.0/8' }), 'accepted'],
  [
    'ingress from nothing',
    from({}),
    { field: 'spec.ingress.allow[0].from[0]', says: 'set exactly one of cidr and pods' },
  ],
  ['ingress from a name', from({ fqdn: 'example.com' }), { field: 'spec.ingress.allow[0].from[0].fqdn' }],
];

const RULE_CASES: SandboxCase[] = [
  ['no ports', egress({ name: 'rule', to: [{ fqdn: 'example.com' }] }), { field: 'spec.egress.allow[0].ports' }],
  ['an empty list of ports', ports(), { field: 'spec.egress.allow[0].ports' }],
  ['all ports, said so', ports({ port: 1, endPort: 65535 }), 'accepted'],
  ['port 0', ports({ port: 0 }), { field: `${PORT}.port` }],
  ['port 65536', ports({ port: 65536 }), { field: `${PORT}.port` }],
  ['port 1.5', ports({ port: 1.5 }), { field: `${PORT}.port` }],
  ['a port in quotes', ports({ port: '443' }), { field: `${PORT}.port` }],
  ['an unknown protocol', ports({ port: 443, protocol: 'ICMP' }), { field: `${PORT}.protocol` }],
  ['a range of one port', ports({ port: 443, endPort: 443 }), 'accepted'],
  [
    'a range that ends before it begins',
    ports({ port: 443, endPort: 80 }),
    { field: PORT, says: 'endPort must not be below port' },
  ],
  ['64 ports', ports(...Array.from({ length: 64 }, (_, i) => ({ port: i + 1 }))), 'accepted'],
  [
    '65 ports',
    ports(...Array.from({ length: 65 }, (_, i) => ({ port: i + 1 }))),
    { field: 'spec.egress.allow[0].ports' },
  ],
  [
    'two rules of one name',
    egress(...[1, 2].map(() => ({ name: 'same', to: [{ fqdn: 'example.com' }], ports: PORTS }))),
    { field: 'spec.egress.allow[1]' },
  ],
  [
    'a rule without name',
    egress({ to: [{ fqdn: 'example.com' }], ports: PORTS }),
    { field: 'spec.egress.allow[0].name' },
  ],
  [
    'a rule name in upper case',
    egress({ name: 'Rule', to: [{ fqdn: 'example.com' }], ports: PORTS }),
    { field: 'spec.egress.allow[0].name' },
  ],
  ['a rule to nowhere', to(), { field: 'spec.egress.allow[0].to' }],
  [
    '128 rules',
    egress(...Array.from({ length: 128 }, (_, i) => ({ name: `r${i}`, to: [{ fqdn: 'example.com' }], ports: PORTS }))),
    'accepted',
  ],
  [
    '10 000 rules',
    egress(
      ...Array.from({ length: 10_000 }, (_, i) => ({ name: `r${i}`, to: [{ fqdn: 'example.com' }], ports: PORTS })),
    ),
    { field: 'spec.egress.allow' },
  ],
  [
    'HTTP requests',
    egress({ name: 'rule', to: [{ fqdn: 'example.com' }], ports: PORTS, http: [{ method: 'GET', path: '/v1/.*' }] }),
    'accepted',
  ],
  [
    'an HTTP method in lower case',
    egress({ name: 'rule', to: [{ fqdn: 'example.com' }], ports: PORTS, http: [{ method: 'get' }] }),
    { field: 'spec.egress.allow[0].http[0].method' },
  ],
  ['a resolver by IPv4 and by IPv6 address', resolvers({ address: '10.96.0.10' }, { address: 'fd00::a' }), 'accepted'],
  [
    'a resolver by name',
    resolvers({ address: 'dns.example' }),
    { field: 'spec.egress.dns.resolvers[0].address', says: 'must be an IP address' },
  ],
  [
    'a resolver by IPv4-mapped address',
    resolvers({ address: '::ffff:10.96.0.10' }),
    { field: 'spec.egress.dns.resolvers[0].address', says: 'must be an IP address' },
  ],
  [
    'a resolver that is nothing',
    resolvers({}),
    { field: 'spec.egress.dns.resolvers[0]', says: 'set exactly one of address and pods' },
  ],
  ['a bandwidth', sandbox({ egress: { bandwidth: '10M' } }), 'accepted'],
  ['a bandwidth with a space', sandbox({ egress: { bandwidth: '10 M' } }), { field: 'spec.egress.bandwidth' }],
];

const REST_CASES: SandboxCase[] = [
  ['a budget', sandbox({ admission: { budget: { pods: '50', 'nvidia.com/gpu': '8', memory: '1.5Ti' } } }), 'accepted'],
  ['a budget as number', sandbox({ admission: { budget: { pods: 50 } } }), { field: 'spec.admission.budget.pods' }],
  [
    'an exemption from admission',
    sandbox({
      admission: { exemptions: [{ container: 'init', image: 'registry.example/init@*', checks: ['Capabilities'] }] },
    }),
    'accepted',
  ],
  [
    'an exemption from an unknown check',
    sandbox({ admission: { exemptions: [{ container: 'init', image: 'x', checks: ['All'] }] } }),
    { field: 'spec.admission.exemptions[0].checks[0]' },
  ],
  [
    'an exemption for every image',
    sandbox({ admission: { exemptions: [{ container: 'init', checks: ['Capabilities'] }] } }),
    { field: 'spec.admission.exemptions[0].image' },
  ],
  [
    'one detector twice',
    sandbox({ detection: { detectors: [1, 2].map(() => ({ name: 'CryptoMining', action: 'Alert' })) } }),
    { field: 'spec.detection.detectors[1]' },
  ],
  [
    'an unknown detector',
    sandbox({ detection: { detectors: [{ name: 'Mining', action: 'Alert' }] } }),
    { field: 'spec.detection.detectors[0].name' },
  ],
  [
    'an exemption from detection that ends',
    sandbox({
      detection: {
        exemptions: [
          {
            detectors: ['Beaconing'],
            destination: { fqdn: 'example.com' },
            reason: 'heartbeat',
            expires: '2026-12-31T00:00:00Z',
          },
        ],
      },
    }),
    'accepted',
  ],
  [
    'an exemption that ends on a day there is not',
    sandbox({
      detection: {
        exemptions: [
          {
            detectors: ['Beaconing'],
            destination: { fqdn: 'example.com' },
            reason: 'heartbeat',
            expires: '2026-02-30T00:00:00Z',
          },
        ],
      },
    }),
    { field: 'spec.detection.exemptions[0].expires' },
  ],
  [
    'an exemption for every destination',
    sandbox({ detection: { exemptions: [{ detectors: ['Beaconing'], destination: {}, reason: 'heartbeat' }] } }),
    { field: 'spec.detection.exemptions[0].destination', says: 'set exactly one of fqdn and cidr' },
  ],
  [
    'an exemption without a reason',
    sandbox({ detection: { exemptions: [{ detectors: ['Beaconing'], destination: { fqdn: 'example.com' } }] } }),
    { field: 'spec.detection.exemptions[0].reason' },
  ],
  ['a blast radius with its defaults', sandbox({ response: { blastRadius: {} } }), 'accepted'],
  [
    'a circuit breaker without window',
    sandbox({ response: { circuitBreaker: { incidents: 3 } } }),
    { field: 'spec.response.circuitBreaker.window' },
  ],
  ['a duration', sandbox({ response: { quarantine: { ttl: '1h30m' } } }), 'accepted'],
  [
    'a duration without unit',
    sandbox({ response: { quarantine: { ttl: '90' } } }),
    { field: 'spec.response.quarantine.ttl' },
  ],
  ['no approvals', sandbox({ response: { release: { approvals: 0 } } }), { field: 'spec.response.release.approvals' }],
];

export const SANDBOX_CASES: readonly SandboxCase[] = [...SELECTOR_CASES, ...PEER_CASES, ...RULE_CASES, ...REST_CASES];
