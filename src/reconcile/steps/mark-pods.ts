/**
 * Puts the quarantine label on held pods and takes it off the others. For people, selectors and dashboards only: no
 * policy selects it, so nothing is open while it is missing.
 */
import { QUARANTINE_LABEL } from '../../api/v1alpha1/labels.ts';
import { attempt, noted, type Pass, withLabels } from '../pass.ts';
import type { PodView } from '../ports.ts';

export async function markPods(pass: Pass): Promise<void> {
  const held = new Map([...pass.heldElsewhere].map(([uid, incident]) => [uid, labelValue(incident)]));
  for (const draft of pass.incidents) {
    if (draft.holds && draft.pod !== undefined && !held.has(draft.pod.uid)) {
      held.set(draft.pod.uid, labelValue(draft.incident.metadata.name));
    }
  }
  const marked = new Map<string, PodView>();
  for (const pod of podsToMark(pass)) {
    const label = held.get(pod.uid) ?? null;
    if ((pod.labels[QUARANTINE_LABEL] ?? null) !== label) {
      await attempt(pass, async () => {
        await pass.ports.pods.label(pod, { [QUARANTINE_LABEL]: label });
        marked.set(pod.uid, withLabels(pod, { [QUARANTINE_LABEL]: label }));
      });
    }
  }
  pass.pods = pass.pods.map((pod) => marked.get(pod.uid) ?? pod);
  noteLabels(pass, marked);
}

/** The name of the incident, where it fits into a label value. */
function labelValue(incident: string): string {
  return incident.length <= 63 ? incident : 'true';
}

/** Governed pods, and held pods that are governed no more. */
function podsToMark(pass: Pass): PodView[] {
  const pods = new Map(pass.pods.map((pod) => [pod.uid, pod]));
  for (const { pod } of pass.incidents) {
    if (pod !== undefined) {
      pods.set(pod.uid, pod);
    }
  }
  return [...pods.values()];
}

function noteLabels(pass: Pass, marked: ReadonlyMap<string, PodView>): void {
  for (const draft of pass.incidents) {
    if (draft.pod === undefined) {
      continue;
    }
    draft.pod = marked.get(draft.pod.uid) ?? draft.pod;
    const { quarantine } = draft.status;
    const isLabelled = draft.pod.labels[QUARANTINE_LABEL] !== undefined;
    if (draft.holds && isLabelled && quarantine?.appliedAt !== undefined && quarantine.labelledAt === undefined) {
      const labelledAt = pass.ports.clock.now();
      draft.status = noted(
        { ...draft.status, quarantine: { ...quarantine, labelledAt: labelledAt.toISOString() } },
        labelledAt,
        'bulkhead',
        `Pod ${draft.pod.name} carries the quarantine label`,
      );
    }
  }
}
