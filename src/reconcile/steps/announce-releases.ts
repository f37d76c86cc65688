/**
 * Tells people about releases once the policies and labels have followed.
 */
import { type IncidentDraft, type Pass, reference } from '../pass.ts';

export async function announceReleases(pass: Pass): Promise<void> {
  for (const draft of pass.incidents) {
    const { phase } = draft.status;
    if (phase !== draft.incident.status?.phase && (phase === 'Released' || phase === 'Dismissed')) {
      pass.ports.reporter.report(reference(draft.incident), {
        type: 'Normal',
        reason: phase,
        message: sentence(draft),
      });
    }
  }
}

function sentence({ incident, status }: IncidentDraft): string {
  const last = status.timeline?.at(-1);
  return `Pod ${incident.spec.pod.name} by ${last?.actor ?? 'nobody'}: ${last?.message ?? ''}`;
}
