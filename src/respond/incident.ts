/**
 * Turns a finding into the AgentIncident that records it, and says what is to be done about it.
 *
 * The decision is taken here, once, and written into the record: mode and limits of the sandbox at that moment. What is
 * in the record is then carried out by `reconcile/`; a change of the sandbox later does not undo a quarantine.
 */
import { createHash } from 'node:crypto';
import type { AgentIncidentSpec } from '../api/v1alpha1/agent-incident.ts';
import type { AgentSandboxSpec, ResponseAction } from '../api/v1alpha1/agent-sandbox.ts';
import { API_VERSION, FINDING_LABEL, MANAGED_BY, MANAGED_BY_LABEL, SANDBOX_LABEL } from '../api/v1alpha1/labels.ts';
import type { AgentIncident } from '../api/v1alpha1/types.ts';
import { type Action, atLeast, type Evidence, type Finding } from '../detect/finding.ts';
import type { Flow } from '../flows/flow.ts';

/** What the pod index knows of the pod. */
export type IncidentPod = AgentIncidentSpec['pod'];

/** The part of the sandbox that limits the response. */
export type ResponseLimits = Pick<AgentSandboxSpec, 'mode' | 'response'>;

/** Longest values the CRD accepts; attacker-controlled text is cut, never refused. */
const MAX = { key: 512, title: 256, explanation: 2048, evidence: 32, flows: 10, uuids: 16, value: 512, ids: 16 };

/**
 * The record of a finding, or undefined when it calls for less than an alert.
 *
 * @param limits - undefined when the sandbox is gone: then nothing more than an alert is done.
 */
export function planIncidentSpec(
  finding: Finding,
  pod: IncidentPod,
  limits: ResponseLimits | undefined,
): AgentIncidentSpec | undefined {
  const action = RESPONSE_OF[finding.action];
  if (action === undefined) {
    return undefined;
  }
  return {
    sandbox: finding.pod.sandbox,
    pod,
    detector: finding.detector,
    findingKey: cut(finding.key, MAX.key),
    title: cut(finding.title, MAX.title),
    explanation: cut(finding.explanation, MAX.explanation),
    score: Math.round(finding.score),
    podScore: Math.round(finding.podScore),
    severity: finding.severity,
    confidence: confidenceOf(finding),
    action,
    ...decideResponse(action, limits),
    ...(limits === undefined ? {} : { release: limits.response.release }),
    attack: finding.attack.slice(0, MAX.ids),
    atlas: finding.atlas.slice(0, MAX.ids),
    evidence: finding.evidence.slice(0, MAX.evidence).map(recordEvidence),
    flows: finding.flows.slice(0, MAX.flows).map(recordFlow),
    firstSeen: iso(finding.firstSeenMs),
    lastSeen: iso(finding.lastSeenMs),
    degraded: finding.degraded,
  };
}

/**
 * What Bulkhead does about an action that the evidence calls for, and why it is less where it is less.
 */
export function decideResponse(
  action: ResponseAction,
  limits: ResponseLimits | undefined,
): Pick<AgentIncidentSpec, 'response' | 'responseReason'> {
  const cuts = action === 'Quarantine' || action === 'Suspend';
  if (!cuts) {
    return action === 'Restrict'
      ? { response: 'Alert', responseReason: 'Restrict is not carried out yet; the finding is an alert' }
      : { response: 'Alert' };
  }
  if (limits === undefined) {
    return {
      response: 'Alert',
      responseReason: 'the AgentSandbox is gone, so nothing says that the pod may be cut off',
    };
  }
  if (limits.mode === 'Observe') {
    return { response: 'Alert', responseReason: 'mode Observe: would have quarantined the pod' };
  }
  if (limits.response.action === 'Alert' || limits.response.action === 'Restrict') {
    return {
      response: 'Alert',
      responseReason: `spec.response.action is ${limits.response.action}: would have quarantined the pod`,
    };
  }
  return { response: 'Quarantine' };
}

/** Hash by which a repeat finds its incident. 16 hex digits of SHA-256. */
export function findingHash(findingKey: string): string {
  return createHash('sha256').update(findingKey).digest('hex').slice(0, 16);
}

/**
 * The object to create. The name is the hash of the finding key, so writing it twice is harmless; while earlier incidents
 * of the same finding still exist it takes the next number.
 *
 * @param taken - whether an incident of this name exists.
 */
export function newIncident(
  namespace: string,
  spec: AgentIncidentSpec,
  taken: (name: string) => boolean,
): AgentIncident {
  const hash = findingHash(spec.findingKey);
  const base = `${kebab(spec.detector)}-${hash.slice(0, 10)}`;
  let name = base;
  for (let number = 2; taken(name); number += 1) {
    name = `${base}-${number}`;
  }
  return {
    apiVersion: API_VERSION,
    kind: 'AgentIncident',
    metadata: {
      namespace,
      name,
      labels: { [FINDING_LABEL]: hash, [SANDBOX_LABEL]: spec.sandbox, [MANAGED_BY_LABEL]: MANAGED_BY },
    },
    spec,
  };
}

/** Whether a newer record of the same finding says more than the stored one: a higher rung, or a stronger response. */
export function isEscalation(stored: AgentIncidentSpec, next: AgentIncidentSpec): boolean {
  return (
    RUNG_OF[next.action] > RUNG_OF[stored.action] || (next.response === 'Quarantine' && stored.response === 'Alert')
  );
}

const RESPONSE_OF: Record<Action, ResponseAction | undefined> = {
  none: undefined,
  watch: undefined,
  alert: 'Alert',
  restrict: 'Restrict',
  quarantine: 'Quarantine',
  suspend: 'Suspend',
};

const RUNG_OF: Record<ResponseAction, number> = { Alert: 0, Restrict: 1, Quarantine: 2, Suspend: 3 };

function confidenceOf(finding: Finding): AgentIncidentSpec['confidence'] {
  if (finding.degraded) {
    return 'Low';
  }
  const hard = finding.evidence.some((evidence) => evidence.hard);
  if (hard || finding.classes >= 3) {
    return 'High';
  }
  return finding.classes === 2 || atLeast(finding.action, 'restrict') ? 'Medium' : 'Low';
}

function recordEvidence(evidence: Evidence): AgentIncidentSpec['evidence'][number] {
  return {
    signal: evidence.signal,
    class: evidence.class,
    value: cut(evidence.value, MAX.value),
    threshold: cut(evidence.threshold, MAX.value),
    points: Math.round(evidence.points),
    source: cut(evidence.source, MAX.value),
    flows: evidence.flowUuids.slice(0, MAX.uuids).map((uuid) => cut(uuid, 64)),
  };
}

function recordFlow(flow: Flow): AgentIncidentSpec['flows'][number] {
  const name = flow.dns?.query ?? flow.destinationNames[0];
  return {
    ...(flow.uuid === '' ? {} : { uuid: cut(flow.uuid, 64) }),
    time: iso(flow.timeMs),
    verdict: flow.verdict,
    protocol: flow.protocol,
    source: cut(endpointText(flow.source, flow.sourceIp, flow.sourcePort), 320),
    destination: cut(endpointText(flow.destination, flow.destinationIp, flow.destinationPort), 320),
    ...(name === undefined ? {} : { name: cut(name, 253) }),
  };
}

function endpointText(endpoint: Flow['source'], ip: string, port: number): string {
  const address = port === 0 ? ip : `${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
  return endpoint.podName === '' ? address : `${endpoint.namespace}/${endpoint.podName} (${address})`;
}

function kebab(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase();
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}
