/**
 * The part of an AgentSandbox that says what its pods may connect to, and what may connect to them.
 *
 * Nothing is allowed by omission: no peer and no port means refused, never "all". What becomes of it is policy/.
 */
import Type from 'typebox';
import {
  cidrPeerFields,
  cidrPeerRules,
  DnsLabel,
  Fqdn,
  listByKey,
  ObjectName,
  PodPeer,
  Ports,
  Quantity,
  rules,
} from './schema-parts.ts';

const ServiceRef = Type.Object(
  {
    name: ObjectName('Name of the Service.'),
    namespace: Type.Optional(DnsLabel('Its namespace; the sandbox’s own when left out.')),
  },
  { description: 'The pods behind a Service.' },
);

const EgressPeer = Type.Object(
  {
    fqdn: Type.Optional(
      Fqdn(
        'A DNS name in lower case without trailing dot; *.example.com stands for every name directly below example.com.',
      ),
    ),
    ...cidrPeerFields,
    pods: Type.Optional(PodPeer),
    service: Type.Optional(ServiceRef),
    preset: Type.Optional(
      DnsLabel('Name of a set of destinations that Bulkhead brings along; one that it does not know stays denied.'),
    ),
  },
  rules(
    {
      rule: '[has(self.fqdn), has(self.cidr), has(self.pods), has(self.service), has(self.preset)].filter(x, x).size() == 1',
      message: 'set exactly one of fqdn, cidr, pods, service, preset',
    },
    ...cidrPeerRules,
  ),
);

const HttpMatch = Type.Object({
  method: Type.Optional(
    Type.String({ maxLength: 16, pattern: '^[A-Z]+$', description: 'HTTP method; any when left out.' }),
  ),
  path: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 512,
      description: 'POSIX regular expression for the path; any when left out.',
    }),
  ),
  host: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 253,
      description: 'POSIX regular expression for the Host header; any when left out.',
    }),
  ),
});

const EgressRule = Type.Object({
  name: DnsLabel('Names the rule in status and in messages.'),
  to: Type.Array(EgressPeer, { minItems: 1, maxItems: 32, description: 'Where the pods may connect to.' }),
  ports: Ports,
  http: Type.Optional(
    Type.Array(HttpMatch, {
      minItems: 1,
      maxItems: 32,
      description: 'Narrows the rule to these HTTP requests. Where requests cannot be seen, the whole rule is denied.',
    }),
  ),
});

const Resolver = Type.Object(
  {
    address: Type.Optional(
      Type.String({
        maxLength: 39,
        description: 'IP address of a resolver.',
        ...rules({ rule: 'isIP(self)', message: 'must be an IP address' }),
      }),
    ),
    pods: Type.Optional(PodPeer),
  },
  rules({ rule: 'has(self.address) != has(self.pods)', message: 'set exactly one of address and pods' }),
);

const Dns = Type.Object(
  {
    resolvers: Type.Array(Resolver, {
      maxItems: 8,
      default: [],
      description: 'Who may be asked, on port 53. The cluster’s DNS when empty.',
    }),
    names: Type.Array(Fqdn('A name, or a wildcard.'), {
      maxItems: 256,
      default: [],
      description:
        'Which names may be asked for, besides those of the allow list, so that DNS itself is no way out. Enforced where the engine sees DNS (Cilium).',
    }),
  },
  { description: 'Name resolution.', default: {} },
);

export const Egress = Type.Object(
  {
    allow: listByKey(EgressRule, 'name', {
      maxItems: 128,
      default: [],
      description: 'What the pods may connect to. Everything else is denied.',
    }),
    dns: Dns,
    bandwidth: Type.Optional(
      Quantity({
        description: 'Rate limit per pod in bits per second, set as kubernetes.io/egress-bandwidth at admission.',
      }),
    ),
  },
  { description: 'Traffic from the pods.', default: {} },
);

const IngressPeer = Type.Object(
  { ...cidrPeerFields, pods: Type.Optional(PodPeer) },
  rules({ rule: 'has(self.cidr) != has(self.pods)', message: 'set exactly one of cidr and pods' }, ...cidrPeerRules),
);

const IngressRule = Type.Object({
  name: DnsLabel('Names the rule in status and in messages.'),
  from: Type.Array(IngressPeer, { minItems: 1, maxItems: 32, description: 'Who may connect to the pods.' }),
  ports: Ports,
});

export const Ingress = Type.Object(
  {
    allow: listByKey(IngressRule, 'name', {
      maxItems: 128,
      default: [],
      description: 'What may connect to the pods. Everything else is denied.',
    }),
  },
  { description: 'Traffic to the pods.', default: {} },
);
