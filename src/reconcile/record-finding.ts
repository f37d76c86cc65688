/**
 * Stores a finding as an AgentIncident, before anything is done about it: the record is the queue.
 *
 * A repeat of an open finding raises the record it has: its spec when the ladder went up, its count at most every ten
 * seconds otherwise, so that a flood of one finding is a trickle of writes.
 */

import { FINDING_LABEL } from '../api/v1alpha1/labels.ts';
import type { AgentIncident } from '../api/v1alpha1/types.ts';
import type { Finding } from '../detect/finding.ts';
import { isClosed, RAISED } from '../respond/hold.ts';
import { findingHash, isEscalation, newIncident, planIncidentSpec } from '../respond/incident.ts';
import { identified, noted } from './pass.ts';
import type { Clock, IncidentPort, PodView, Reporter, WorldReader } from './ports.ts';

export interface RecordPorts {
  world: WorldReader;
  incidents: IncidentPort;
  reporter: Reporter;
  clock: Clock;
}

/** What became of a finding. */
export type RecordResult = 'Ignored' | 'Created' | 'Escalated' | 'Counted' | 'Unchanged';

/**
 * Records one finding.
 *
 * @throws what the API server answered; the caller's queue tries again with the newest state of the finding.
 */
export async function recordFinding(finding: Finding, ports: RecordPorts): Promise<RecordResult> {
  const { namespace, sandbox: sandboxName } = finding.pod;
  const sandbox = ports.world.sandbox(namespace, sandboxName);
  const pod = ports.world.pods(namespace).find((candidate) => isPod(candidate, finding));
  const spec = planIncidentSpec(finding, podReference(finding), sandbox?.spec);
  if (spec === undefined) {
    return 'Ignored';
  }
  const next = pod === undefined ? spec : { ...spec, pod: identified(spec, pod, pod.labels['bulkhead.dev/pod-id']) };
  const hash = findingHash(next.findingKey);
  const all = ports.world.incidents(namespace);
  const same = all.filter((incident) => incident.metadata.labels?.[FINDING_LABEL] === hash);
  const stored = same.find((incident) => !isClosed(incident));
  if (stored === undefined) {
    const created = await ports.incidents.create(
      newIncident(namespace, next, (name) => all.some(({ metadata }) => metadata.name === name)),
    );
    announce(ports, created, 'Finding');
    return 'Created';
  }
  if (isEscalation(stored.spec, next)) {
    return escalate(ports, stored, { ...next, pod: stored.spec.pod, release: stored.spec.release ?? next.release });
  }
  return count(ports, stored, finding);
}

async function escalate(ports: RecordPorts, stored: AgentIncident, spec: AgentIncident['spec']): Promise<RecordResult> {
  const written = await ports.incidents.writeSpec(stored, spec);
  const message = `${RAISED}${spec.action}, score ${spec.score}: ${spec.explanation}`;
  // Who approved the release of something lesser has not approved this.
  const status = { ...written.status, approvals: [] };
  await ports.incidents.writeStatus(written, noted(status, ports.clock.now(), 'bulkhead', message));
  announce(ports, written, 'Escalated');
  return 'Escalated';
}

async function count(ports: RecordPorts, stored: AgentIncident, finding: Finding): Promise<RecordResult> {
  const status = stored.status ?? {};
  const lastSeen = new Date(finding.lastSeenMs).toISOString();
  const since = finding.lastSeenMs - Date.parse(status.lastSeen ?? stored.spec.lastSeen ?? lastSeen);
  if (status.phase === undefined || finding.count === status.count || since < COUNT_EVERY_MS) {
    return 'Unchanged';
  }
  await ports.incidents.writeStatus(stored, { ...status, count: finding.count, lastSeen });
  return 'Counted';
}

function announce(ports: RecordPorts, incident: AgentIncident, reason: string): void {
  const { spec, metadata } = incident;
  const namespace = metadata.namespace ?? '';
  const message = `${spec.detector} ${spec.score}: ${spec.explanation}`;
  ports.reporter.report(
    {
      apiVersion: 'v1',
      kind: 'Pod',
      namespace,
      name: spec.pod.name,
      ...(spec.pod.uid === undefined ? {} : { uid: spec.pod.uid }),
    },
    { type: 'Warning', reason: `${spec.detector}${reason}`, message },
  );
}

function podReference(finding: Finding): AgentIncident['spec']['pod'] {
  return { name: finding.pod.name, ...(finding.pod.uid === '' ? {} : { uid: finding.pod.uid }) };
}

function isPod(pod: PodView, finding: Finding): boolean {
  return finding.pod.uid === '' ? pod.name === finding.pod.name : pod.uid === finding.pod.uid;
}

/** Repeats raise the stored count at most this often, in event time. */
const COUNT_EVERY_MS = 10_000;
