/**
 * What reconciliation needs of the outside world. The edges implement it; nothing here knows how.
 *
 * Readers answer from caches that the edge keeps current; writers throw when the API server says no, so that the queue
 * tries again. `create` and `write…` make their result visible to the readers before they resolve: the next pass must
 * not act on what the last one already changed.
 */
import type { AgentIncidentSpec, AgentIncidentStatus } from '../api/v1alpha1/agent-incident.ts';
import type { AgentSandboxStatus } from '../api/v1alpha1/agent-sandbox.ts';
import type { AgentIncident, AgentSandbox, OwnerReference } from '../api/v1alpha1/types.ts';
import type { SourceHealth } from '../flows/flow.ts';
import type { ClusterFacts, PolicyObject, ServiceFacts } from '../policy/plan.ts';

/** Passed on, so that the edge which implements the ports needs nothing else of the domain. */
export type { ClusterFacts, PolicyObject, ServiceFacts };

/** The part of a pod that Bulkhead keeps in memory. */
export interface PodView {
  namespace: string;
  name: string;
  uid: string;
  labels: Readonly<Record<string, string>>;
  nodeName: string;
  hostNetwork: boolean;
  serviceAccount: string;
  images: readonly string[];
  /** The controlling owner. */
  owner: Pick<OwnerReference, 'kind' | 'name' | 'uid'> | undefined;
  /** Pending, Running, Succeeded, Failed, Unknown. */
  phase: string;
  startTime: string | undefined;
  creationTimestamp: string;
  terminating: boolean;
}

/** Everything one pass over a sandbox reads. */
export interface WorldReader {
  sandbox(namespace: string, name: string): AgentSandbox | undefined;
  sandboxes(namespace: string): readonly AgentSandbox[];
  pods(namespace: string): readonly PodView[];
  incidents(namespace: string): readonly AgentIncident[];
  /** What the compiler needs to know of the cluster, with the Services that these egress rules name. */
  facts(sandbox: AgentSandbox | undefined): ClusterFacts;
}

/** Generated policies in the API server. */
export interface PolicyPort {
  /** Server-side apply; never touches an object that is not Bulkhead's (TerminalError `NameConflict`). */
  apply(object: PolicyObject): Promise<{ changed: boolean }>;
  /** Every policy in the namespace that carries Bulkhead's label, of whichever sandbox, from the cache. */
  list(namespace: string): readonly PolicyObject[];
  /** Read from the API server itself, not from the cache; undefined when it is not there. */
  read(object: PolicyObject): Promise<PolicyObject | undefined>;
  remove(object: PolicyObject): Promise<void>;
}

/** Labels of pods. */
export interface PodPort {
  /** Sets labels, or removes those given as null, on this very pod (by UID). Resolves quietly when the pod is gone. */
  label(pod: PodView, labels: Readonly<Record<string, string | null>>): Promise<void>;
  remove(pod: PodView): Promise<void>;
}

/** AgentIncidents. */
export interface IncidentPort {
  create(incident: AgentIncident): Promise<AgentIncident>;
  writeSpec(incident: AgentIncident, spec: AgentIncidentSpec): Promise<AgentIncident>;
  writeStatus(incident: AgentIncident, status: AgentIncidentStatus): Promise<AgentIncident>;
}

/** AgentSandbox status. */
export interface SandboxPort {
  writeStatus(sandbox: AgentSandbox, status: AgentSandboxStatus): Promise<void>;
}

/** What people are told: one call writes the log line, the Kubernetes Event and the metric. */
export interface Reporter {
  report(
    about: { apiVersion: string; kind: string; namespace: string; name: string; uid?: string },
    event: { type: 'Normal' | 'Warning'; reason: string; message: string },
  ): void;
}

/** How well flows are covered, for DetectionCovered. */
export type FlowCoverage = () => readonly { name: string; health: SourceHealth }[];

export interface Clock {
  now(): Date;
}

/** All of it, as the steps get it. */
export interface Ports {
  world: WorldReader;
  policies: PolicyPort;
  pods: PodPort;
  incidents: IncidentPort;
  sandboxes: SandboxPort;
  reporter: Reporter;
  coverage: FlowCoverage;
  clock: Clock;
  /** A fresh pod id: 16 lower-case hex digits. */
  newPodId(): string;
}
