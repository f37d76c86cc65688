/**
 * The two kinds of this group as whole objects: their names, their root schema, and how `kubectl get` shows them.
 *
 * The CRDs, the offline reader and the reference pages all start here, so that none of them can know a rule the others
 * do not. The fields themselves are in agent-sandbox.ts and agent-incident.ts.
 */
import Type, { type TSchema } from 'typebox';
import { AgentIncidentSpec, AgentIncidentStatus } from './agent-incident.ts';
import { AgentSandboxSpec, AgentSandboxStatus } from './agent-sandbox.ts';
import { rules } from './schema-parts.ts';

/** A column of `kubectl get`; those of priority 1 show with `-o wide` only. */
export interface PrinterColumn {
  name: string;
  type: 'string' | 'integer' | 'date';
  jsonPath: string;
  description: string;
  priority?: 1;
}

export interface KindDefinition {
  kind: 'AgentSandbox' | 'AgentIncident';
  plural: string;
  singular: string;
  shortName: string;
  /** Of the whole object; `metadata` is the API server's own. */
  schema: TSchema;
  columns: readonly PrinterColumn[];
  /** JSON paths that `kubectl get --field-selector` understands. */
  selectableFields: readonly string[];
}

function rootSchema(options: { description: string; spec: TSchema; status: TSchema; nameBecomes: string }): TSchema {
  return Type.Object(
    {
      apiVersion: Type.Optional(
        Type.String({ description: 'Version of the schema that this object is written in: bulkhead.dev/v1alpha1.' }),
      ),
      kind: Type.Optional(Type.String({ description: 'Kind of this object.' })),
      metadata: Type.Optional(Type.Object({})),
      spec: options.spec,
      status: Type.Optional(options.status),
    },
    {
      description: options.description,
      ...rules({
        rule: 'size(self.metadata.name) <= 63',
        message: `metadata.name must have at most 63 characters, because it becomes ${options.nameBecomes}`,
      }),
    },
  );
}

const condition = (type: string, field: 'status' | 'reason') => `.status.conditions[?(@.type=="${type}")].${field}`;
const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since it was created.',
};

export const AGENT_SANDBOX: KindDefinition = {
  kind: 'AgentSandbox',
  plural: 'agentsandboxes',
  singular: 'agentsandbox',
  shortName: 'asb',
  schema: rootSchema({
    description:
      'AgentSandbox is the policy for a set of agent pods: what they may connect to, what they must look like, what is watched for, and what is done about it.',
    spec: AgentSandboxSpec,
    status: AgentSandboxStatus,
    nameBecomes: 'the value of the label bulkhead.dev/sandbox on the pods',
  }),
  columns: [
    { name: 'Mode', type: 'string', jsonPath: '.spec.mode', description: 'Observe, Enforce or Lockdown.' },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: condition('Ready', 'status'),
      description: 'Whether all of it is in force.',
    },
    {
      name: 'Enforced',
      type: 'integer',
      jsonPath: '.status.pods.enforced',
      description: 'Pods that the applied policies select.',
    },
    {
      name: 'Quarantined',
      type: 'integer',
      jsonPath: '.status.pods.quarantined',
      description: 'Pods that are cut off.',
    },
    { name: 'Incidents', type: 'integer', jsonPath: '.status.incidents.open', description: 'Incidents that are open.' },
    AGE,
    {
      name: 'Matched',
      type: 'integer',
      jsonPath: '.status.pods.matched',
      description: 'Pods that the selector matches.',
      priority: 1,
    },
    {
      name: 'Unenforceable',
      type: 'integer',
      jsonPath: '.status.pods.unenforceable',
      description: 'Pods that no policy can hold.',
      priority: 1,
    },
    {
      name: 'Covered',
      type: 'string',
      jsonPath: condition('DetectionCovered', 'status'),
      description: 'Whether the flows of the pods are seen.',
      priority: 1,
    },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: condition('Ready', 'reason'),
      description: 'Why it is ready or not.',
      priority: 1,
    },
  ],
  selectableFields: ['.spec.mode'],
};

export const AGENT_INCIDENT: KindDefinition = {
  kind: 'AgentIncident',
  plural: 'agentincidents',
  singular: 'agentincident',
  shortName: 'ainc',
  schema: rootSchema({
    description: 'AgentIncident is one finding about one agent pod: the evidence, what was done, and how it ended.',
    spec: AgentIncidentSpec,
    status: AgentIncidentStatus,
    nameBecomes: 'the value of the label bulkhead.dev/quarantine on the pod',
  }),
  columns: [
    {
      name: 'Sandbox',
      type: 'string',
      jsonPath: '.spec.sandbox',
      description: 'The AgentSandbox that governs the pod.',
    },
    { name: 'Pod', type: 'string', jsonPath: '.spec.pod.name', description: 'The pod.' },
    { name: 'Detector', type: 'string', jsonPath: '.spec.detector', description: 'What found it.' },
    { name: 'Score', type: 'integer', jsonPath: '.spec.score', description: 'Score, 0 to 100.' },
    { name: 'Response', type: 'string', jsonPath: '.spec.response', description: 'What Bulkhead does about it.' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'How far it has come.' },
    AGE,
    {
      name: 'Action',
      type: 'string',
      jsonPath: '.spec.action',
      description: 'What the evidence calls for.',
      priority: 1,
    },
    { name: 'Severity', type: 'string', jsonPath: '.spec.severity', description: 'Severity by score.', priority: 1 },
    { name: 'Count', type: 'integer', jsonPath: '.status.count', description: 'How often it was seen.', priority: 1 },
    { name: 'Title', type: 'string', jsonPath: '.spec.title', description: 'A few words.', priority: 1 },
  ],
  selectableFields: ['.spec.sandbox', '.spec.pod.name', '.spec.detector', '.spec.response', '.status.phase'],
};

export const KINDS: readonly KindDefinition[] = [AGENT_SANDBOX, AGENT_INCIDENT];
