/**
 * What the compiler returns: the objects to apply, in order, and what they do not enforce.
 */
import type { AgentSandboxSpec } from '../api/v1alpha1/agent-sandbox.ts';
import type { KubeObject } from '../api/v1alpha1/types.ts';

/** Policy engines the compiler writes for. `kubernetes` is always written; `cilium` adds to it. */
export const ENGINES = ['kubernetes', 'cilium'] as const;
export type Engine = (typeof ENGINES)[number];

/** What the compiler needs to know of the cluster. Anything unknown is left empty and narrows the result. */
export interface ClusterFacts {
  engine: Engine;
  /** Addresses of the API server: endpoints and Service. Always denied, even below an allowed network. */
  apiServerAddresses: readonly string[];
  /** Addresses of the nodes. Always denied. */
  nodeAddresses: readonly string[];
  /** ClusterIPs of Services that egress rules name, by `namespace/name`, with the selector behind them. */
  services: ReadonlyMap<string, ServiceFacts>;
}

export interface ServiceFacts {
  selector: Readonly<Record<string, string>>;
  clusterIPs: readonly string[];
  ports: readonly { name: string; port: number; targetPort: number | string; protocol: string }[];
}

/** The sandbox as the compiler sees it: its identity, its wishes, and who is cut off. */
export interface PolicyInput {
  namespace: string;
  name: string;
  /** For owner references; undefined offline. */
  uid: string | undefined;
  /** Undefined when the sandbox is gone and only its quarantine remains. */
  spec: AgentSandboxSpec | undefined;
  /** Pod ids (label bulkhead.dev/pod-id) that are cut off. Order does not matter. */
  quarantined: readonly string[];
}

/** Something the sandbox asks for that the result does not allow, deny or see. Always on the strict side. */
export interface PolicyGap {
  /** CamelCase, stable: EngineCannotExpress, NotYetEnforced, BaselineDenied, ServiceUnknown. */
  reason: 'EngineCannotExpress' | 'NotYetEnforced' | 'BaselineDenied' | 'ServiceUnknown';
  /** Path in the AgentSandbox, such as spec.egress.allow[github].to[0].fqdn. */
  field: string;
  /** Sentence: what stays denied and why. */
  message: string;
}

/** A policy object with a body of its own kind. */
export interface PolicyObject extends KubeObject {
  spec: Record<string, unknown>;
}

export interface PolicyPlan {
  /** In the order to apply: denies before allows, so that a half-applied plan is stricter, never looser. */
  objects: readonly PolicyObject[];
  gaps: readonly PolicyGap[];
}
