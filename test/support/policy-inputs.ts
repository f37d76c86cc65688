/**
 * Random inputs of the policy compiler, drawn so that they often meet what it treats specially.
 */
import { isIPv4 } from 'node:net';
import fc from 'fast-check';
import type { AgentSandboxSpec, EgressPeer, EgressRule, IngressRule } from '../../src/api/v1alpha1/agent-sandbox.ts';
import { type ClusterFacts, ENGINES, type PolicyInput } from '../../src/policy/plan.ts';
import { sandboxSpec } from './objects.ts';

const label = fc.constantFrom('a', 'b', 'app', 'tier');
const selector = fc.record(
  {
    matchLabels: fc.dictionary(label, label, { minKeys: 1, maxKeys: 2 }),
    matchExpressions: fc.array(
      fc.record({ key: label, operator: fc.constant('In' as const), values: fc.uniqueArray(label, { minLength: 1 }) }),
      { minLength: 1, maxLength: 2 },
    ),
  },
  { requiredKeys: ['matchLabels'] },
);
const podPeer = fc.oneof(
  fc.record({ podSelector: selector }),
  fc.record({ namespaceSelector: fc.oneof(fc.constant({}), selector) }),
  fc.record({ namespaceSelector: selector, podSelector: selector }),
);
/** Random networks seldom meet the baseline, so half of them come from around it. */
const cidr4 = fc
  .tuple(
    fc.oneof(
      fc.ipV4(),
      fc.constantFrom('10.1.2.3', '169.254.169.254', '100.100.100.200', '168.63.129.16', '198.51.100.7', '127.0.0.1'),
    ),
    fc.integer({ min: 0, max: 32 }),
  )
  .map(([address, length]) => maskedIPv4(address, length));
const CIDRS_6 = `
  ::/0 2000::/3 ::/3 fe00::/8 fc00::/6 fd00::/8 fd00:ec2::/32 fe80::/10 ff00::/8 2001:db8::/32 2001:db8:1::/48
  2001:db8:1::4/128 64:ff9b::/96 64:ff9b::a9fe:0/112 64:ff9b::a9fe:a9fe/128`;
const cidr6 = fc.constantFrom(...CIDRS_6.trim().split(/\s+/));
const cidrPeer = fc.oneof(cidr4, cidr6).chain((cidr) =>
  fc.record({
    cidr: fc.constant(cidr),
    except: fc.array(isIPv4(addressOf(cidr)) ? within(cidr) : fc.constant(cidr), { maxLength: 2 }),
  }),
);
const egressPeer: fc.Arbitrary<EgressPeer> = fc.oneof(
  { weight: 4, arbitrary: cidrPeer },
  fc.record({ pods: podPeer }),
  fc.record({ fqdn: fc.constantFrom('example.com', '*.example.com', 'api.example.org') }),
  fc.record({
    service: fc.record({ name: fc.constantFrom('model', 'nobody'), namespace: fc.constantFrom('agents', 'ml') }),
  }),
  fc.record({ preset: fc.constant('github') }),
);
const port = fc
  .tuple(
    fc.constantFrom('TCP' as const, 'UDP' as const, 'SCTP' as const),
    fc.integer({ min: 1, max: 70 }),
    fc.nat({ max: 70 }),
  )
  .map(([protocol, from, more]) =>
    more % 3 === 0 ? { protocol, port: from } : { protocol, port: from, endPort: from + more },
  );
const ports = fc.array(port, { minLength: 1, maxLength: 4 });
const egressRule: fc.Arbitrary<Omit<EgressRule, 'name'>> = fc.record(
  { to: fc.array(egressPeer, { minLength: 1, maxLength: 4 }), ports, http: fc.constant([{ method: 'GET' }]) },
  { requiredKeys: ['to', 'ports'] },
);
const ingressRule: fc.Arbitrary<Omit<IngressRule, 'name'>> = fc.record({
  from: fc.array(fc.oneof(cidrPeer, fc.record({ pods: podPeer })), { minLength: 1, maxLength: 3 }),
  ports,
});
const named = <T extends object>(rule: fc.Arbitrary<T>) =>
  fc.array(rule, { maxLength: 4 }).map((rules) => rules.map((item, index) => ({ name: `rule-${index}`, ...item })));
const dns = fc.record({
  resolvers: fc.array(
    fc.oneof(
      fc.record({ address: fc.constantFrom('10.0.0.53', '9.9.9.9', '169.254.20.10', '2001:db8::53') }),
      fc.record({ pods: podPeer }),
    ),
    { maxLength: 3 },
  ),
  names: fc.array(fc.constantFrom('example.net', '*.example.net'), { maxLength: 2 }),
});
const spec: fc.Arbitrary<AgentSandboxSpec> = fc
  .record({
    mode: fc.constantFrom('Enforce' as const, 'Enforce' as const, 'Lockdown' as const, 'Observe' as const),
    egress: fc.record({ allow: named(egressRule), dns }),
    ingress: fc.record({ allow: named(ingressRule) }),
  })
  .map((over) => sandboxSpec(over));
const ids = fc.uniqueArray(fc.constantFrom('id-1', 'id-2', 'id-3', 'id-4'), { maxLength: 4 });
export const policyInput: fc.Arbitrary<PolicyInput> = fc.record({
  namespace: fc.constant('agents'),
  name: fc.constantFrom('rome', 'a-quarantine', 'x'.repeat(63)),
  uid: fc.constantFrom('uid', undefined),
  spec: fc.oneof({ weight: 9, arbitrary: spec }, fc.constant(undefined)),
  quarantined: ids,
});
export const clusterFacts: fc.Arbitrary<ClusterFacts> = fc.record({
  engine: fc.constantFrom(...ENGINES),
  apiServerAddresses: fc.constant(['10.96.0.1', '198.51.100.7']),
  nodeAddresses: fc.constant(['10.1.2.3', '2001:db8:1::4']),
  services: fc.constant(
    new Map([
      [
        'ml/model',
        {
          selector: { app: 'vllm' },
          clusterIPs: ['10.96.1.1'],
          ports: [
            { name: 'a', port: 10, targetPort: 8000, protocol: 'TCP' },
            { name: 'b', port: 20, targetPort: 53, protocol: 'UDP' },
            { name: 'c', port: 30, targetPort: 'http', protocol: 'TCP' },
          ],
        },
      ],
    ]),
  ),
});

function maskedIPv4(address: string, length: number): string {
  const octets = address.split('.').map((octet, index) => {
    const kept = Math.min(8, Math.max(0, length - 8 * index));
    return Number(octet) - (Number(octet) % 2 ** (8 - kept));
  });
  return `${octets.join('.')}/${length}`;
}

/** An IPv4 network inside another: any address with the outer prefix put in front. */
function within(cidr: string): fc.Arbitrary<string> {
  const outer = addressOf(cidr).split('.').map(Number);
  const length = Number(cidr.split('/')[1]);
  return fc.tuple(fc.ipV4(), fc.integer({ min: length, max: 32 })).map(([address, inner]) => {
    const octets = address.split('.').map((octet, index) => {
      const fixed = Math.min(8, Math.max(0, length - 8 * index));
      const size = 2 ** (8 - fixed);
      return (outer[index] ?? 0) + (Number(octet) % size);
    });
    return maskedIPv4(octets.join('.'), inner);
  });
}

function addressOf(cidr: string): string {
  return cidr.split('/')[0] ?? '';
}
