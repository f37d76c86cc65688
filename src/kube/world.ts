/**
 * Answers what reconciliation asks of the cluster, from the stores.
 */
import { API_VERSION, SANDBOX_LABEL } from '../api/v1alpha1/labels.ts';
import type { AgentIncident, AgentSandbox, KubeObject } from '../api/v1alpha1/types.ts';
import type { ClusterFacts, PodView, PolicyObject, ServiceFacts, WorldReader } from '../reconcile/ports.ts';
import { type Addresses, projectApiServerSlice, projectNode, projectPod, projectService } from './projections.ts';
import { RESOURCES } from './resources.ts';
import type { Store, StoreOptions } from './store.ts';

/** A copy of every kind that a pass reads. */
export interface WorldStores {
  sandboxes: Store<AgentSandbox>;
  incidents: Store<AgentIncident>;
  pods: Store<PodView>;
  services: Store<ServiceFacts>;
  nodes: Store<Addresses>;
  /** Of the namespace `default` only: where the API server is. */
  apiServer: Store<Addresses>;
  networkPolicies: Store<PolicyObject>;
  /** Undefined where the cluster has no such kind. */
  ciliumNetworkPolicies: Store<PolicyObject> | undefined;
}

export interface WorldOptions {
  createStore<T>(options: StoreOptions<T>): Store<T>;
  hasCilium: boolean;
  /** Something that concerns one sandbox has changed. */
  onSandbox(namespace: string, name: string): void;
  onPod(pod: PodView | undefined, previous: PodView | undefined): void;
  /** Something that concerns every sandbox of a namespace has changed. */
  onNamespace(namespace: string): void;
  /** Something that concerns every sandbox has changed. */
  onCluster(): void;
  onIncident(incident: AgentIncident, previous: AgentIncident | undefined): void;
}

/** Declares the stores; what changes in them is told to the callbacks. */
export function createWorldStores(options: WorldOptions): WorldStores {
  const { createStore } = options;
  const policyStore = (resource: (typeof RESOURCES)['networkPolicies']) =>
    createStore<PolicyObject>({
      resource,
      // With managedFields: they prove that a policy is ours when somebody takes its label away.
      project: (raw) => raw as PolicyObject,
      onChange: ({ namespace, name }, object, previous) => {
        // Both versions: a label that is moved away concerns the sandbox it was taken from.
        const sandboxes = [object, previous].map((version) => version?.metadata.labels?.[SANDBOX_LABEL]);
        for (const sandbox of new Set(sandboxes.filter((one) => one !== undefined))) {
          options.onSandbox(namespace, sandbox);
        }
        // A name like ours that somebody else takes or gives back.
        if (sandboxes.every((one) => one === undefined) && name.startsWith('bulkhead-')) {
          options.onNamespace(namespace);
        }
      },
    });
  return {
    sandboxes: createStore({
      resource: RESOURCES.agentSandboxes,
      resync: true,
      project: (raw) => whole<AgentSandbox>(raw),
      onChange: ({ namespace, name }, object, previous) => {
        if (object === undefined || previous === undefined) {
          options.onNamespace(namespace);
        }
        options.onSandbox(namespace, name);
      },
    }),
    incidents: createStore({
      resource: RESOURCES.agentIncidents,
      project: (raw) => whole<AgentIncident>(raw),
      onChange: ({ namespace }, object, previous) => {
        const incident = object ?? previous;
        if (incident !== undefined) {
          options.onSandbox(namespace, incident.spec.sandbox);
          options.onIncident(incident, object === undefined ? undefined : previous);
        }
      },
    }),
    pods: createStore({
      resource: RESOURCES.pods,
      project: projectPod,
      onChange: (_key, pod, previous) => options.onPod(pod, previous),
    }),
    services: createStore({
      resource: RESOURCES.services,
      project: projectService,
      onChange: () => options.onCluster(),
    }),
    nodes: createStore({ resource: RESOURCES.nodes, project: projectNode, onChange: () => options.onCluster() }),
    apiServer: createStore({
      resource: RESOURCES.endpointSlices,
      namespace: 'default',
      project: projectApiServerSlice,
      onChange: () => options.onCluster(),
    }),
    networkPolicies: policyStore(RESOURCES.networkPolicies),
    ciliumNetworkPolicies: options.hasCilium ? policyStore(RESOURCES.ciliumNetworkPolicies) : undefined,
  };
}

/** @param engine - what the compiler writes for. */
export function createWorldReader(stores: WorldStores, engine: ClusterFacts['engine']): WorldReader {
  return {
    sandbox: (namespace, name) => stores.sandboxes.get(namespace, name),
    sandboxes: (namespace) => stores.sandboxes.list(namespace),
    pods: (namespace) => stores.pods.list(namespace),
    incidents: (namespace) => stores.incidents.list(namespace),
    facts: (sandbox) => ({
      engine,
      apiServerAddresses: unique([
        ...stores.apiServer.list().flat(),
        ...(stores.services.get('default', 'kubernetes')?.clusterIPs ?? []),
      ]),
      nodeAddresses: unique(stores.nodes.list().flat()),
      services: namedServices(sandbox, stores.services),
    }),
  };
}

/** The Services that the rules name, as far as they exist. */
function namedServices(sandbox: AgentSandbox | undefined, services: Store<ServiceFacts>): Map<string, ServiceFacts> {
  const peers = (sandbox?.spec.egress.allow ?? []).flatMap((rule) => rule.to);
  const named = new Map<string, ServiceFacts>();
  for (const { service } of peers) {
    if (service !== undefined) {
      const namespace = service.namespace ?? sandbox?.metadata.namespace ?? '';
      const facts = services.get(namespace, service.name);
      if (facts !== undefined) {
        named.set(`${namespace}/${service.name}`, facts);
      }
    }
  }
  return named;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}

/** The object without the bookkeeping of server-side apply, which is most of its bytes. */
function whole<T extends KubeObject>(raw: KubeObject): T {
  const { managedFields: _dropped, ...metadata } = raw.metadata as KubeObject['metadata'] & { managedFields?: unknown };
  return { ...raw, apiVersion: raw.apiVersion || API_VERSION, metadata } as T;
}
