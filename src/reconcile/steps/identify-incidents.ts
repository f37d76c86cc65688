/**
 * Finds the live pod behind every incident and completes the record with what the writer did not know: a person who
 * asks for a quarantine names a pod, nothing more.
 */

import type { AgentIncidentSpec } from '../../api/v1alpha1/agent-incident.ts';
import { POD_ID_LABEL } from '../../api/v1alpha1/labels.ts';
import { holdsPod, isClosed } from '../../respond/hold.ts';
import { attempt, type IncidentDraft, identified, noted, type Pass } from '../pass.ts';
import type { PodView } from '../ports.ts';
import { sameStatus } from '../status.ts';

export async function identifyIncidents(pass: Pass): Promise<void> {
  for (const draft of pass.incidents) {
    const spec = completed(pass, draft);
    if (spec !== undefined) {
      await attempt(pass, async () => {
        draft.incident = await pass.ports.incidents.writeSpec(draft.incident, spec);
        draft.holds = holdsPod({ ...draft.incident, status: draft.status });
      });
    }
    open(pass, draft);
  }
}

/** The spec with what was missing, or undefined when nothing was. Only until the incident is opened. */
function completed(pass: Pass, { incident, status, pod }: IncidentDraft): AgentIncidentSpec | undefined {
  const { spec } = incident;
  if (isClosed({ ...incident, status })) {
    return undefined;
  }
  const next: AgentIncidentSpec = {
    ...spec,
    ...(pod === undefined ? {} : { pod: identified(spec, pod, pod.labels[POD_ID_LABEL]) }),
    // The terms are kept in the record: deleting the sandbox must not make a release cheaper.
    ...(spec.release === undefined && pass.sandbox !== undefined
      ? { release: pass.sandbox.spec.response.release }
      : {}),
    ...(status.phase === undefined && isVetoed(pass, spec) ? OBSERVED : {}),
  };
  return sameStatus(spec, next) ? undefined : next;
}

/** Mode Observe cuts nothing, whoever asks. */
function isVetoed(pass: Pass, spec: AgentIncidentSpec): boolean {
  return spec.detector === 'Manual' && spec.response === 'Quarantine' && pass.sandbox?.spec.mode === 'Observe';
}

const OBSERVED = {
  response: 'Alert',
  responseReason: 'mode Observe: would have quarantined the pod; set spec.mode to Enforce first',
} as const;

/** The live pod an incident is about: by UID, or by name where the record has no UID yet. */
export function podOf(incident: IncidentDraft['incident'], pods: readonly PodView[]): PodView | undefined {
  const { uid, name } = incident.spec.pod;
  return pods.find((pod) => (uid === undefined || uid === '' ? pod.name === name : pod.uid === uid));
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
