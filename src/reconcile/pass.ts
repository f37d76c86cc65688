/**
 * One pass over one sandbox: what was read, what was decided, and what is to be written at the end.
 *
 * Steps share this record and nothing else. They may write policies and pod labels as they go; statuses are drafted here
 * and written once, by `sandbox.ts`, whatever happened in between.
 */
import { errorKind } from '../api/errors.ts';
import type { AgentIncidentSpec, AgentIncidentStatus } from '../api/v1alpha1/agent-incident.ts';
import type { AgentIncident, AgentSandbox, KubeObject } from '../api/v1alpha1/types.ts';
import type { PolicyObject, PolicyPlan } from '../policy/plan.ts';
import type { PodView, Ports } from './ports.ts';

/** Why the sandbox is not, or not wholly, what its spec says. Shown in conditions. */
export interface Problem {
  /** CamelCase, one of the reasons in api/v1alpha1/reasons.ts. */
  reason: string;
  message: string;
}

/** An incident and the status it will have after this pass. */
export interface IncidentDraft {
  incident: AgentIncident;
  status: AgentIncidentStatus;
  /** Whether it keeps its pod cut off, after the releases of this pass. */
  holds: boolean;
  /** The live pod it is about; undefined when it is gone. */
  pod: PodView | undefined;
}

export interface Pass {
  readonly namespace: string;
  readonly name: string;
  readonly ports: Ports;
  readonly now: Date;
  /** Undefined when the sandbox does not exist (any more). */
  readonly sandbox: AgentSandbox | undefined;
  /** All pods of the namespace. */
  readonly allPods: readonly PodView[];
  /** Pods this sandbox governs. */
  pods: PodView[];
  /** Incidents of this sandbox. */
  incidents: IncidentDraft[];
  /** Pods that incidents of other sandboxes hold: UID to the name of the incident. No policy of this one may allow them. */
  readonly heldElsewhere: ReadonlyMap<string, string>;
  plan: PolicyPlan;
  /** Policies that are in the API server as compiled, after this pass. */
  applied: PolicyObject[];
  problems: Problem[];
  /** What went wrong with single objects; the pass goes on with the others and fails at its end. */
  failures: Error[];
  /** Look again after so many milliseconds, without any change. */
  requeueAfterMs: number | undefined;
}

/** One named step. Throws TransientError or TerminalError to end the pass; statuses are written all the same. */
export type Step = (pass: Pass) => Promise<void>;

/**
 * Does something to one object of many: what the API server refuses there must not keep the others from what they need.
 * A bug is not caught.
 *
 * @returns undefined when it failed.
 */
export async function attempt<T>(pass: Pass, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (errorKind(error).kind === 'bug' || !(error instanceof Error)) {
      throw error;
    }
    pass.failures.push(error);
    return undefined;
  }
}

/** Labels a pod keeps and gets, as the next steps must see it. */
export function withLabels(pod: PodView, labels: Readonly<Record<string, string | null>>): PodView {
  const merged: Record<string, string> = { ...pod.labels };
  for (const [key, value] of Object.entries(labels)) {
    if (value === null) {
      delete merged[key];
    } else {
      merged[key] = value;
    }
  }
  return { ...pod, labels: merged };
}

/** Appends to a timeline; the oldest entries after the first give way when it is full. */
export function noted(status: AgentIncidentStatus, now: Date, actor: string, message: string): AgentIncidentStatus {
  const [first, ...rest] = [
    ...(status.timeline ?? []),
    { time: now.toISOString(), actor: cut(actor, MAX_ACTOR), message: cut(message, MAX_MESSAGE) },
  ];
  const kept = first === undefined ? [] : [first, ...rest.slice(-(MAX_TIMELINE - 1))];
  return { ...status, timeline: kept };
}

/**
 * The spec with what is known of the pod now filled in, where the writer did not know it. A pod's owner chooses these texts:
 * they are cut to what the record can hold, or else a long image name would keep a finding from being stored at all.
 */
export function identified(spec: AgentIncidentSpec, pod: PodView, podId: string | undefined): AgentIncidentSpec['pod'] {
  const { owner } = pod;
  const known: Partial<AgentIncidentSpec['pod']> = {
    uid: pod.uid,
    ...(podId === undefined ? {} : { id: podId }),
    ...(pod.nodeName === '' ? {} : { node: cut(pod.nodeName, MAX_NAME) }),
    ...(owner === undefined ? {} : { owner: { kind: cut(owner.kind, MAX_KIND), name: cut(owner.name, MAX_NAME) } }),
    serviceAccount: cut(pod.serviceAccount, MAX_NAME),
    images: pod.images.slice(0, MAX_IMAGES).map((image) => cut(image, MAX_IMAGE)),
  };
  return { ...known, ...spec.pod };
}

/** Names an object for the reporter. */
export function reference(object: KubeObject): Parameters<Ports['reporter']['report']>[0] {
  const { apiVersion, kind, metadata } = object;
  const { namespace = '', name, uid } = metadata;
  return { apiVersion, kind, namespace, name, ...(uid === undefined ? {} : { uid }) };
}

/** As the CRD bounds them. */
const MAX_TIMELINE = 64;
const MAX_MESSAGE = 1024;
const MAX_ACTOR = 256;
const MAX_NAME = 253;
const MAX_KIND = 63;
const MAX_IMAGES = 32;
const MAX_IMAGE = 512;

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}
