/**
 * AgentSandbox: the policy for a set of agent pods. The one source of its CRD, its documentation and its types.
 *
 * Types describe the object after defaulting, which is what the API server stores: a field with a default is always there.
 * The parts are in sandbox-*.ts. What a field does is decided elsewhere: policy/, admission/, detect/, respond/.
 */
import Type, { type Static } from 'typebox';
import { type ADMISSION_CHECKS, Admission } from './sandbox-admission.ts';
import { Detection } from './sandbox-detection.ts';
import { type ACTIONS, Response } from './sandbox-response.ts';
import { Egress, Ingress } from './sandbox-traffic.ts';
import { Conditions, LabelSelector, ObjectName, oneOf, rules } from './schema-parts.ts';

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
export type EgressRule = AgentSandboxSpec['egress']['allow'][number];
export type EgressPeer = EgressRule['to'][number];
export type IngressRule = AgentSandboxSpec['ingress']['allow'][number];
export type IngressPeer = IngressRule['from'][number];
export type AdmissionCheck = (typeof ADMISSION_CHECKS)[number];
export type ResponseAction = (typeof ACTIONS)[number];
export type SandboxMode = AgentSandboxSpec['mode'];
