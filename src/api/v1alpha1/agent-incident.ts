/**
 * AgentIncident: one finding about one pod, its evidence, and its life. The one source of its CRD, documentation and types.
 *
 * The object is also the queue: a finding is stored here first and acted on from here, so a crash between the two loses
 * nothing. `spec` is Bulkhead's word and rises only with the ladder; `status` tells what was done and by whom.
 */
import Type, { type Static } from 'typebox';
import { DETECTOR_NAMES } from './detector-names.ts';
import { Conditions, Duration, oneOf, Time } from './schema-parts.ts';

const text = (maxLength: number, description: string) => Type.String({ maxLength, description });
const optional = (maxLength: number, description: string) => Type.Optional(text(maxLength, description));

const PodReference = Type.Object(
  {
    name: text(253, 'Name of the pod.'),
    uid: optional(64, 'UID of the pod.'),
    id: optional(63, 'Its bulkhead.dev/pod-id, by which it is quarantined.'),
    node: optional(253, 'Node it ran on.'),
    owner: Type.Optional(
      Type.Object({ kind: text(63, 'Kind.'), name: text(253, 'Name.') }, { description: 'The workload that owns it.' }),
    ),
    serviceAccount: optional(253, 'Its service account.'),
    images: Type.Optional(
      Type.Array(Type.String({ maxLength: 512 }), {
        maxItems: 32,
        description: 'Its images, with digests where known.',
      }),
    ),
  },
  { description: 'The pod.' },
);

/** Independent kinds of evidence: within a class the strongest counts, across classes they add up. */
export const EVIDENCE_CLASSES = ['NameList', 'Port', 'Timing', 'Outcome', 'Denial', 'Topology'] as const;

const Evidence = Type.Object({
  signal: text(128, 'What was seen.'),
  class: Type.Enum([...EVIDENCE_CLASSES], {
    type: 'string',
    description: 'Which kind of evidence; repeats of one kind do not add up.',
  }),
  value: text(512, 'The value seen.'),
  threshold: text(512, 'The value from which it counts.'),
  points: Type.Integer({ minimum: 0, maximum: 100, description: 'What it is worth, 0 to 100.' }),
  source: optional(512, 'Where the threshold or the list entry comes from.'),
  flows: Type.Optional(
    Type.Array(Type.String({ maxLength: 64 }), { maxItems: 16, description: 'UUIDs of the flows that show it.' }),
  ),
});

const IncidentFlow = Type.Object({
  uuid: optional(64, 'Hubble’s id of the flow.'),
  time: Time('When the flow was seen.'),
  verdict: text(32, 'FORWARDED, DROPPED, …'),
  protocol: text(16, 'TCP, UDP, ICMPv4, …'),
  source: text(320, 'Address and port, or pod.'),
  destination: text(320, 'Address and port, or pod.'),
  name: optional(253, 'DNS name of the destination, as this pod asked for it.'),
  summary: optional(256, 'Flags or query.'),
});

const Activity = Type.Object({
  traceId: optional(32, 'OpenTelemetry trace id.'),
  spanId: optional(16, 'OpenTelemetry span id.'),
  tool: optional(256, 'Tool that the agent was calling.'),
  run: optional(256, 'Run of the agent.'),
  episode: optional(256, 'Episode of the run.'),
  started: Time('When the call started.'),
  offsetSeconds: Type.Optional(
    Type.Number({ description: 'From the start of the call to the first flow, in seconds.' }),
  ),
});

export const AgentIncidentSpec = Type.Object(
  {
    sandbox: Type.String({
      minLength: 1,
      maxLength: 63,
      pattern: '^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$',
      description: 'The AgentSandbox, in the namespace of the incident.',
    }),
    pod: PodReference,
    detector: Type.Enum([...DETECTOR_NAMES, 'Manual'], {
      type: 'string',
      description: 'What found it; Manual for a quarantine that a person asked for.',
    }),
    findingKey: Type.String({ maxLength: 512, default: '', description: 'What makes two findings the same one.' }),
    title: text(256, 'A few words.'),
    explanation: text(2048, 'One sentence from the strongest evidence.'),
    score: Type.Integer({
      minimum: 0,
      maximum: 100,
      default: 100,
      description: 'Score of this finding, 0 to 100. A person’s word counts 100.',
    }),
    podScore: Type.Integer({
      minimum: 0,
      maximum: 100,
      default: 100,
      description: 'Score of all findings of the pod together, 0 to 100.',
    }),
    severity: oneOf(['Info', 'Low', 'Medium', 'High', 'Critical'], {
      default: 'High',
      description: 'Severity by score.',
    }),
    confidence: oneOf(['Low', 'Medium', 'High'], {
      default: 'High',
      description: 'By the number of independent kinds of evidence.',
    }),
    action: oneOf(['Alert', 'Restrict', 'Quarantine', 'Suspend'], {
      default: 'Quarantine',
      description: 'What the evidence calls for.',
    }),
    response: oneOf(['Alert', 'Quarantine'], {
      default: 'Quarantine',
      description: 'What Bulkhead does about it, after the mode and the limits of the sandbox.',
    }),
    responseReason: optional(512, 'Why the response is less than the action, where it is.'),
    release: Type.Optional(
      Type.Object(
        {
          approvals: Type.Integer({ minimum: 1, maximum: 5, description: 'How many people must approve.' }),
          cooldown: Duration({ description: 'Time between the last approval and the release.' }),
        },
        { description: 'What a release takes, as the sandbox had it when the incident was opened.' },
      ),
    ),
    attack: Type.Array(Type.String({ maxLength: 32 }), {
      maxItems: 16,
      default: [],
      description: 'MITRE ATT&CK technique ids.',
    }),
    atlas: Type.Array(Type.String({ maxLength: 32 }), {
      maxItems: 16,
      default: [],
      description: 'MITRE ATLAS technique ids.',
    }),
    evidence: Type.Array(Evidence, { maxItems: 32, default: [], description: 'Why.' }),
    flows: Type.Array(IncidentFlow, { maxItems: 10, default: [], description: 'Flows that show it.' }),
    activity: Type.Optional(
      Type.Array(Activity, { maxItems: 20, description: 'What the agent was doing at that time.' }),
    ),
    firstSeen: Type.Optional(Time('First flow that counts.')),
    lastSeen: Type.Optional(Time('Last flow that counts, when this was written.')),
    degraded: Type.Boolean({
      default: false,
      description: 'Flows were lost in this time, so the absence of a flow proves nothing.',
    }),
  },
  { description: 'What was found.' },
);

const Approval = Type.Object({
  approver: Type.Optional(text(256, 'Authenticated name of the person; stamped at admission.')),
  time: Type.Optional(Time('When it was given; stamped at admission.')),
  reason: Type.String({ minLength: 3, maxLength: 1024, description: 'Why the pod may be let go.' }),
});

const TimelineEntry = Type.Object({
  time: Time('When.'),
  actor: text(256, 'Who: bulkhead or a user name.'),
  message: text(1024, 'What happened.'),
});

export const INCIDENT_PHASES = ['Open', 'Contained', 'ContainmentFailed', 'Released', 'Dismissed'] as const;

export const AgentIncidentStatus = Type.Object(
  {
    observedGeneration: Type.Optional(
      Type.Integer({ minimum: 0, format: 'int64', description: 'The generation this status was said of.' }),
    ),
    phase: Type.Optional(
      Type.Enum([...INCIDENT_PHASES], {
        type: 'string',
        description:
          'Open: nothing was cut, or not yet. Contained: the pod is cut off. ContainmentFailed: it should be and is not. Released: a person let it go. Dismissed: a person closed an incident that cut nothing.',
      }),
    ),
    count: Type.Optional(Type.Integer({ minimum: 0, description: 'How often it was seen.' })),
    lastSeen: Type.Optional(Time('When it was last seen.')),
    quarantine: Type.Optional(
      Type.Object(
        {
          engine: Type.Optional(text(32, 'What cuts the pod off: Cilium or NetworkPolicy.')),
          policies: Type.Optional(
            Type.Array(Type.String({ maxLength: 512 }), { maxItems: 16, description: 'Policies that do it.' }),
          ),
          appliedAt: Type.Optional(Time('When the API server had accepted the policies.')),
          labelledAt: Type.Optional(Time('When the pod got the quarantine label.')),
          verifiedAt: Type.Optional(
            Time('When the policies and labels were read back from the API server and found to hold.'),
          ),
          breaches: Type.Optional(Type.Integer({ minimum: 0, description: 'New flows that still got through.' })),
        },
        { description: 'How the pod is cut off.' },
      ),
    ),
    approvals: Type.Optional(
      Type.Array(Approval, { maxItems: 8, description: 'Who approved the release. Add one to approve.' }),
    ),
    timeline: Type.Optional(Type.Array(TimelineEntry, { maxItems: 64, description: 'What happened, oldest first.' })),
    conditions: Type.Optional(Conditions),
  },
  { description: 'What was done about it.' },
);

export type AgentIncidentSpec = Static<typeof AgentIncidentSpec>;
export type AgentIncidentStatus = Static<typeof AgentIncidentStatus>;
export type IncidentPhase = (typeof INCIDENT_PHASES)[number];
export type EvidenceClass = (typeof EVIDENCE_CLASSES)[number];
