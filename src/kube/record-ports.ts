/**
 * Writes AgentIncidents, AgentSandbox status and pod labels for reconciliation.
 *
 * Every write names the version or the UID it was decided on, so a concurrent change is an error and a new pass, never
 * an overwrite; every answer goes into the store at once, so the next pass sees it.
 */
import { isApiStatus } from '../api/errors.ts';
import type { AgentIncident, AgentSandbox, KubeObject } from '../api/v1alpha1/types.ts';
import type { IncidentPort, PodPort, SandboxPort } from '../reconcile/ports.ts';
import type { KubeClient } from './client.ts';
import { RESOURCES } from './resources.ts';
import type { WorldStores } from './world.ts';

export function createIncidentPort(client: KubeClient, stores: Pick<WorldStores, 'incidents'>): IncidentPort {
  const seen = (incident: AgentIncident): AgentIncident => {
    stores.incidents.put(incident);
    return incident;
  };
  return {
    create: async (incident) => {
      try {
        return seen(await client.create(RESOURCES.agentIncidents, incident));
      } catch (error) {
        const stored = isApiStatus(error, 409) ? await read(client, incident) : undefined;
        if (stored === undefined) {
          throw error;
        }
        // The same finding was stored before, by us before a crash or by another replica.
        return seen(stored);
      }
    },
    writeSpec: async (incident, spec) => seen(await client.replace(RESOURCES.agentIncidents, { ...incident, spec })),
    writeStatus: async (incident, status) =>
      seen(await client.replace(RESOURCES.agentIncidents, { ...incident, status }, { subresource: 'status' })),
  };
}

export function createSandboxPort(client: KubeClient, stores: Pick<WorldStores, 'sandboxes'>): SandboxPort {
  return {
    writeStatus: async (sandbox, status) => {
      const written = { ...sandbox, status };
      const answer = await client.replace<AgentSandbox>(RESOURCES.agentSandboxes, written, { subresource: 'status' });
      stores.sandboxes.put(answer);
    },
  };
}

export function createPodPort(client: KubeClient, stores: Pick<WorldStores, 'pods'>): PodPort {
  return {
    label: async (pod, labels) => {
      const ref = { resource: RESOURCES.pods, namespace: pod.namespace, name: pod.name };
      const body = { metadata: { uid: pod.uid, labels } };
      try {
        stores.pods.put(await client.patch<KubeObject>(ref, { type: 'merge', body }));
      } catch (error) {
        // 404: the pod is gone. 409: another pod has its name now.
        if (!isApiStatus(error, 404, 409)) {
          throw error;
        }
      }
    },
    remove: async (pod) => {
      await client.delete(
        { resource: RESOURCES.pods, namespace: pod.namespace, name: pod.name },
        { uid: pod.uid, propagationPolicy: 'Background' },
      );
    },
  };
}

async function read(client: KubeClient, incident: AgentIncident): Promise<AgentIncident | undefined> {
  const { namespace, name } = incident.metadata;
  return client.get<AgentIncident>({ resource: RESOURCES.agentIncidents, namespace, name });
}
