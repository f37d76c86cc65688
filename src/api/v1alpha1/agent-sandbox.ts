/**
 * AgentSandbox: the policy for a set of agent pods. This file is the one source of its CRD, its documentation and its types.
 *
 * Types describe the object after defaulting, which is what the API server stores: a field with a default is always there.
 * What a field does is decided elsewhere: policy/, admission/, detect/, respond/.
 */
import Type, { type Static } from 'typebox';
import { DETECTOR_NAMES } from './detector-names.ts';
import {
  Cidr,
  Conditions,
  cidrPeerFields,
  cidrPeerRules,
  DnsLabel,
  Duration,
  Fqdn,
  LabelSelector,
  listByKey,
  ObjectName,
  oneOf,
  PodPeer,
  Ports,
  Quantity,
  rules,
  Time,
} from './schema-parts.ts';

const TargetRef = Type.Object(
  {
    group: Type.String({ maxLength: 253, description: 'API group of the owner.', default: '' }),
    kind: Type.String({ minLength: 1, maxLength: 63, description: 'Kind of the owner.' }),
    name: ObjectName('Name of the owner, in the namespace of the sandbox.'),
  },
  {
    description: 'The object that owns the pods.',
    ...rules({
      rule: '(self.group == "agents.x-k8s.io" && self.kind == "Sandbox") || (self.group == "extensions.agents.x-k8s.io" && self.kind in ["SandboxTemplate", "SandboxWarmPool", "SandboxClaim"]) || (self.group == "sandbox.opensandbox.io" && self.kind in ["BatchSandbox", "Pool"]) || (self.group == "apps" && self.kind in ["Deployment", "StatefulSet"]) || (self.group == "batch" && self.kind == "Job")',
      message:
        'must be one of agents.x-k8s.io Sandbox; extensions.agents.x-k8s.io SandboxTemplate, SandboxWarmPool, SandboxClaim; sandbox.opensandbox.io BatchSandbox, Pool; apps Deployment, StatefulSet; batch Job',
    }),
  },
);

const Selector = Type.Object(
  {
    podSelector: Type.Optional(
      LabelSelector('Pods of the sandbox’s namespace, by label.', {
        rule: '(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)',
        message:
          'an empty selector would take every pod of the namespace; name at least one label, such as matchLabels: {app: agent}',
      }),
    ),
    targetRef: Type.Optional(TargetRef),
  },
  {
    description: 'Which pods this sandbox governs. Exactly one of podSelector and targetRef.',
    ...rules({
      rule: 'has(self.podSelector) != has(self.targetRef)',
      message: 'set exactly one of podSelector and targetRef',
    }),
  },
);

const ServiceRef = Type.Object(
  {
    name: ObjectName('Name of the Service.'),
    namespace: Type.Optional(ObjectName('Its namespace; the sandbox’s own when left out.')),
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
    preset: Type.Optional(DnsLabel('A named set of destinations; `bulkhead render --presets` lists them.')),
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

const Egress = Type.Object(
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

const Ingress = Type.Object(
  {
    allow: listByKey(IngressRule, 'name', {
      maxItems: 128,
      default: [],
      description: 'What may connect to the pods. Everything else is denied.',
    }),
  },
  { description: 'Traffic to the pods.', default: {} },
);

/** Names of the admission checks, as exemptions and refusals use them. */
export const ADMISSION_CHECKS = [
  'HostNamespaces',
  'Privileged',
  'Capabilities',
  'HostPath',
  'HostPorts',
  'PrivilegeEscalation',
  'RunAsNonRoot',
  'Seccomp',
  'AppArmor',
  'SELinux',
  'ProcMount',
  'Sysctls',
  'VolumeTypes',
  'RuntimeClass',
  'Images',
  'ServiceAccountToken',
  'Secrets',
  'Limits',
] as const;

const AdmissionExemption = Type.Object({
  container: ObjectName('Name of the container.'),
  image: Type.String({
    minLength: 1,
    maxLength: 512,
    description: 'Its image, as a glob; the exemption holds for no other.',
  }),
  checks: Type.Array(Type.Enum([...ADMISSION_CHECKS], { type: 'string' }), {
    minItems: 1,
    maxItems: 16,
    description: 'The checks it is exempt from.',
  }),
});

const Admission = Type.Object(
  {
    podSecurity: oneOf(['Restricted', 'Baseline'], {
      default: 'Restricted',
      description: 'Pod Security Standard that every pod must meet.',
    }),
    runtimeClassNames: Type.Array(ObjectName('Name of a RuntimeClass.'), {
      maxItems: 16,
      default: [],
      description:
        'RuntimeClasses a pod may use; one that names none gets the first. Empty: pods may name no RuntimeClass.',
    }),
    images: Type.Object(
      {
        allowed: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
          maxItems: 128,
          default: [],
          description: 'Globs, such as registry.example.com/agents/*. Empty: any image.',
        }),
        requireDigest: Type.Boolean({
          default: false,
          description: 'Refuse images that are not named by digest.',
        }),
      },
      { description: 'Container images.', default: {} },
    ),
    serviceAccountToken: oneOf(['Denied', 'Allowed'], {
      default: 'Denied',
      description: 'Whether a pod may hold a Kubernetes API token.',
    }),
    secrets: Type.Object(
      {
        allowed: Type.Array(ObjectName('Name of a Secret.'), {
          maxItems: 64,
          default: [],
          description: 'Secrets a pod may mount or read into its environment. Image pull secrets do not count.',
        }),
      },
      { description: 'Secrets.', default: {} },
    ),
    requireLimits: Type.Boolean({
      default: true,
      description: 'Refuse containers without CPU and memory limits.',
    }),
    budget: Type.Optional(
      Type.Record(Type.String(), Quantity({ description: 'The most of it.' }), {
        maxProperties: 16,
        description:
          'The most that all pods of the sandbox may use together: pods, cpu, memory, or an extended resource.',
      }),
    ),
    exec: oneOf(['Allowed', 'Denied'], {
      default: 'Allowed',
      description: 'Whether people may exec, attach or forward ports into the pods.',
    }),
    exemptions: Type.Array(AdmissionExemption, {
      maxItems: 32,
      default: [],
      description: 'Single containers that are exempt from single checks.',
    }),
  },
  { description: 'What a pod must look like to be admitted.', default: {} },
);

const ACTIONS = ['Alert', 'Restrict', 'Quarantine', 'Suspend'] as const;

const DetectorSetting = Type.Object({
  name: Type.Enum([...DETECTOR_NAMES], { type: 'string', description: 'The detector.' }),
  action: Type.Enum(['None', ...ACTIONS], {
    type: 'string',
    description: 'The most that a finding of it may cause. None: findings are neither stored nor acted on.',
  }),
});

const DetectionExemption = Type.Object({
  detectors: Type.Array(Type.Enum([...DETECTOR_NAMES], { type: 'string' }), {
    minItems: 1,
    maxItems: 16,
    description: 'Which detectors look away.',
  }),
  destination: Type.Object(
    {
      fqdn: Type.Optional(Fqdn('A name or wildcard.')),
      cidr: Type.Optional(Cidr('A network.')),
    },
    {
      description: 'From which destination.',
      ...rules({ rule: 'has(self.fqdn) != has(self.cidr)', message: 'set exactly one of fqdn and cidr' }),
    },
  ),
  ports: Type.Optional(
    Type.Array(Type.Integer({ minimum: 1, maximum: 65535 }), {
      maxItems: 64,
      description: 'On which ports; all when left out.',
    }),
  ),
  reason: Type.String({ minLength: 3, maxLength: 512, description: 'Why; shown in incidents.' }),
  expires: Type.Optional(Time('When the exemption ends.')),
});

const Detection = Type.Object(
  {
    sensitivity: oneOf(['Relaxed', 'Balanced', 'Strict'], {
      default: 'Balanced',
      description: 'How early findings are raised.',
    }),
    detectors: listByKey(DetectorSetting, 'name', {
      maxItems: 32,
      default: [],
      description: 'Settings of single detectors. All are on by default.',
    }),
    exemptions: Type.Array(DetectionExemption, {
      maxItems: 64,
      default: [],
      description: 'Destinations that single detectors do not judge.',
    }),
  },
  { description: 'What is watched for in the pods’ flows.', default: {} },
);

const Response = Type.Object(
  {
    action: Type.Enum([...ACTIONS], {
      type: 'string',
      default: 'Quarantine',
      description: 'The most Bulkhead may do by itself.',
    }),
    quarantine: Type.Object(
      {
        keepPod: Type.Boolean({
          default: true,
          description: 'Keep the pod as evidence. When false the pod is deleted once it is cut off.',
        }),
        ttl: Type.Optional(Duration({ description: 'Release by itself after this time. Never when left out.' })),
      },
      { description: 'How a pod is cut off.', default: {} },
    ),
    release: Type.Object(
      {
        approvals: Type.Integer({
          minimum: 1,
          maximum: 5,
          default: 1,
          description: 'How many people must approve a release.',
        }),
        cooldown: Duration({ default: '0s', description: 'Time between the last approval and the release.' }),
      },
      { description: 'How a pod is let go.', default: {} },
    ),
    circuitBreaker: Type.Optional(
      Type.Object(
        {
          incidents: Type.Integer({ minimum: 1, maximum: 1000, description: 'How many incidents.' }),
          window: Duration({ description: 'In how long a time.' }),
        },
        { description: 'So many incidents put the whole sandbox into Lockdown.' },
      ),
    ),
    blastRadius: Type.Optional(
      Type.Object(
        {
          maxPods: Type.Integer({ minimum: 1, maximum: 10000, default: 5, description: 'The most pods.' }),
          maxPercent: Type.Integer({
            minimum: 1,
            maximum: 100,
            default: 20,
            description: 'The most of the sandbox’s pods, in percent.',
          }),
          window: Duration({ default: '5m', description: 'In how long a time.' }),
        },
        { description: 'A quarantine of more pods than this for one cause becomes an alert.' },
      ),
    ),
  },
  { description: 'What is done about a finding.', default: {} },
);

export const AgentSandboxSpec = Type.Object(
  {
    mode: oneOf(['Observe', 'Enforce', 'Lockdown'], {
      default: 'Enforce',
      description:
        'Observe: nothing is blocked or cut, everything is reported as "would have". Enforce. Lockdown: every pod is cut off and no new pod admitted.',
    }),
    selector: Selector,
    egress: Egress,
    ingress: Ingress,
    admission: Admission,
    detection: Detection,
    response: Response,
  },
  { description: 'What the pods may do.' },
);

const count = (description: string) => Type.Integer({ minimum: 0, description });

export const AgentSandboxStatus = Type.Object(
  {
    observedGeneration: Type.Optional(
      Type.Integer({ minimum: 0, format: 'int64', description: 'The generation this status was said of.' }),
    ),
    mode: Type.Optional(Type.String({ maxLength: 16, description: 'The mode in force.' })),
    pods: Type.Optional(
      Type.Object(
        {
          matched: count('Pods the selector matches.'),
          enforced: count('Of these, pods whose labels the applied policies select.'),
          quarantined: count('Of these, pods that are cut off.'),
          unenforceable: count('Of these, pods no policy can hold: those on the host network.'),
        },
        { description: 'Pods of this sandbox.' },
      ),
    ),
    policies: Type.Optional(
      Type.Array(
        Type.Object({
          apiVersion: Type.String({ maxLength: 317, description: 'API version.' }),
          kind: Type.String({ maxLength: 63, description: 'Kind.' }),
          name: Type.String({ maxLength: 253, description: 'Name.' }),
          hash: Type.String({ maxLength: 64, description: 'Hash of what was applied.' }),
        }),
        { maxItems: 64, description: 'Policies that are in the API server as compiled.' },
      ),
    ),
    notYetEnforced: Type.Optional(
      Type.Array(Type.String({ maxLength: 512 }), {
        maxItems: 64,
        description: 'Fields of this object that this version accepts but does not act on yet.',
      }),
    ),
    incidents: Type.Optional(
      Type.Object(
        { open: count('Neither released nor dismissed.'), total: count('All that exist.') },
        { description: 'AgentIncidents of this sandbox.' },
      ),
    ),
    conditions: Type.Optional(Conditions),
  },
  { description: 'What is true, as last observed.' },
);

export type AgentSandboxSpec = Static<typeof AgentSandboxSpec>;
export type AgentSandboxStatus = Static<typeof AgentSandboxStatus>;
export type EgressRule = Static<typeof EgressRule>;
export type EgressPeer = Static<typeof EgressPeer>;
export type IngressRule = Static<typeof IngressRule>;
export type IngressPeer = Static<typeof IngressPeer>;
export type AdmissionCheck = (typeof ADMISSION_CHECKS)[number];
export type ResponseAction = (typeof ACTIONS)[number];
export type SandboxMode = AgentSandboxSpec['mode'];
