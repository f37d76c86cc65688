/**
 * Finds the live pod behind every incident and completes the record with what the writer did not know: a person who
 * asks for a quarantine names a pod, nothing more.
 */
import { POD_ID_LABEL } from '../../api/v1alpha1/labels.ts';
import { type IncidentDraft, identified, noted, type Pass } from '../pass.ts';
import type { PodView } from '../ports.ts';

export async function identifyIncidents(pass: Pass): Promise<void> {
  for (const draft of pass.incidents) {
    open(pass, draft);
    if (draft.pod === undefined || !draft.holds) {
      continue;
    }
    const pod = identified(draft.incident.spec, draft.pod, draft.pod.labels[POD_ID_LABEL]);
    if (isComplete(draft, pod)) {
      continue;
    }
    draft.incident = await pass.ports.incidents.writeSpec(draft.incident, { ...draft.incident.spec, pod });
  }
}

/** The live pod an incident is about: by UID, or by name where the record has no UID yet. */
export function podOf(incident: IncidentDraft['incident'], pods: readonly PodView[]): PodView | undefined {
  const { uid, name } = incident.spec.pod;
  return pods.find((pod) => (uid === undefined || uid === '' ? pod.name === name : pod.uid === uid));
}

function isComplete(draft: IncidentDraft, pod: IncidentDraft['incident']['spec']['pod']): boolean {
  const { uid, id } = draft.incident.spec.pod;
  return uid === pod.uid && id === pod.id;
}

function open(pass: Pass, draft: IncidentDraft): void {
  if (draft.status.phase !== undefined) {
    return;
  }
  const { spec } = draft.incident;
  const why = spec.responseReason === undefined ? '' : ` (${spec.responseReason})`;
  draft.status = noted(
    { ...draft.status, phase: 'Open', approvals: draft.status.approvals ?? [], count: draft.status.count ?? 1 },
    pass.now,
    'bulkhead',
    `${spec.action} called for by ${spec.detector}, score ${spec.score}; response ${spec.response}${why}`,
  );
}
