/**
 * Tells people about releases once the policies and labels have followed.
 */
import type { Pass } from '../pass.ts';

export async function announceReleases(pass: Pass): Promise<void> {
  for (const { incident, status, pod } of pass.incidents) {
    const before = incident.status?.phase;
    if (status.phase === before || (status.phase !== 'Released' && status.phase !== 'Dismissed')) {
      continue;
    }
    const last = status.timeline?.at(-1);
    pass.ports.reporter.report(
      {
        apiVersion: incident.apiVersion,
        kind: incident.kind,
        namespace: pass.namespace,
        name: incident.metadata.name,
        ...(incident.metadata.uid === undefined ? {} : { uid: incident.metadata.uid }),
      },
      {
        type: 'Normal',
        reason: status.phase,
        message: `Pod ${pod?.name ?? incident.spec.pod.name} by ${last?.actor ?? 'unknown'}: ${last?.message ?? ''}`,
      },
    );
  }
}
