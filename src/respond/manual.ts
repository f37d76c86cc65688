/**
 * The record of a quarantine that a person asked for.
 */
import { createHash } from 'node:crypto';
import { API_VERSION, SANDBOX_LABEL } from '../api/v1alpha1/labels.ts';
import type { AgentIncident } from '../api/v1alpha1/types.ts';

export interface ManualQuarantine {
  namespace: string;
  sandbox: string;
  pod: { name: string; uid: string; id: string | undefined };
  reason: string;
  now: Date;
}

/** The incident to create; its name is new for every request, so that a released pod can be cut off again. */
export function newManualIncident(request: ManualQuarantine): AgentIncident {
  const { namespace, sandbox, pod, reason, now } = request;
  const seen = now.toISOString();
  const suffix = createHash('sha256').update(`${pod.uid}/${seen}`).digest('hex').slice(0, 10);
  return {
    apiVersion: API_VERSION,
    kind: 'AgentIncident',
    metadata: { namespace, name: `manual-${suffix}`, labels: { [SANDBOX_LABEL]: sandbox } },
    spec: {
      sandbox,
      pod: { name: pod.name, uid: pod.uid, ...(pod.id === undefined ? {} : { id: pod.id }) },
      detector: 'Manual',
      findingKey: `Manual/${pod.uid}/${seen}`,
      title: 'Quarantined by hand',
      explanation: reason,
      score: 100,
      podScore: 100,
      severity: 'High',
      confidence: 'High',
      action: 'Quarantine',
      response: 'Quarantine',
      attack: [],
      atlas: [],
      evidence: [],
      flows: [],
      firstSeen: seen,
      lastSeen: seen,
      degraded: false,
    },
  };
}
