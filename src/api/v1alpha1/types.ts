/**
 * The objects themselves: metadata around the specs and statuses of this group.
 */

import type { Static } from 'typebox';
import type { AgentIncidentSpec, AgentIncidentStatus } from './agent-incident.ts';
import type { AgentSandboxSpec, AgentSandboxStatus } from './agent-sandbox.ts';
import type { Condition as ConditionSchema } from './schema-parts.ts';

/** The part of metav1.ObjectMeta that Bulkhead reads or writes. Times are RFC 3339 strings, as on the wire. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  generation?: number;
  resourceVersion?: string;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Any Kubernetes object, as JSON. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

export interface AgentSandbox extends KubeObject {
  spec: AgentSandboxSpec;
  status?: AgentSandboxStatus;
}

export interface AgentIncident extends KubeObject {
  spec: AgentIncidentSpec;
  status?: AgentIncidentStatus;
}

/** metav1.Condition. */
export type Condition = Static<typeof ConditionSchema>;

/** metav1.LabelSelector. */
export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'; values?: string[] }[];
}
