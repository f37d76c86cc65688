/**
 * Who is watched and with what settings: the contract between the engine and whoever knows the pods.
 *
 * The operator answers from its pod index; a replay answers from the labels inside the flows. Unknown endpoints cost one
 * lookup and are then ignored.
 */
import type { AgentSandboxSpec } from '../api/v1alpha1/agent-sandbox.ts';
import type { FlowEndpoint } from '../flows/flow.ts';

/** Detection settings of one sandbox; the same object for all its pods. */
export interface WatchedSandbox {
  namespace: string;
  name: string;
  detection: AgentSandboxSpec['detection'];
  /** The allow list: a named, allowed destination is a declared purpose and weakens behavioural evidence about it. */
  egress: AgentSandboxSpec['egress'];
  /** Of the pods this sandbox governs; `Denied` makes API server contact suspicious. */
  serviceAccountToken: 'Denied' | 'Allowed';
}

export interface WatchedPod {
  /** Unique among live pods: the UID, or namespace/name when replaying. */
  key: string;
  namespace: string;
  name: string;
  uid: string;
  /** Owner that survives re-creation, such as Deployment/agent; the pod itself when it has none. */
  owner: string;
  /** Event time the pod started, when known; behaviour in the first 30 s is judged mildly. */
  startedMs: number | undefined;
  sandbox: WatchedSandbox;
}

/** Resolves one end of a flow to a watched pod. Must be cheap: it is asked twice for every flow. */
export type ResolvePod = (endpoint: FlowEndpoint) => WatchedPod | undefined;
