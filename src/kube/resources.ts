/**
 * The kinds Bulkhead reads or writes, and where they live in the API.
 *
 * A fixed list rather than discovery at run time: it is what RBAC grants, and a name that is wrong fails in a test.
 */
import { API_VERSION } from '../api/v1alpha1/labels.ts';

/** A kind of object and its place in the API. */
export interface Resource {
  /** `v1` or `group/version`. */
  apiVersion: string;
  kind: string;
  plural: string;
  namespaced: boolean;
}

/** One object, or one to be. */
export interface ObjectRef {
  resource: Resource;
  /** Absent for cluster-scoped kinds. */
  namespace?: string | undefined;
  name: string;
}

function kind(apiVersion: string, name: string, plural: string): Resource {
  return { apiVersion, kind: name, plural, namespaced: true };
}

function clusterKind(apiVersion: string, name: string, plural: string): Resource {
  return { apiVersion, kind: name, plural, namespaced: false };
}

export const RESOURCES = {
  agentSandboxes: kind(API_VERSION, 'AgentSandbox', 'agentsandboxes'),
  agentIncidents: kind(API_VERSION, 'AgentIncident', 'agentincidents'),
  pods: kind('v1', 'Pod', 'pods'),
  services: kind('v1', 'Service', 'services'),
  secrets: kind('v1', 'Secret', 'secrets'),
  configMaps: kind('v1', 'ConfigMap', 'configmaps'),
  namespaces: clusterKind('v1', 'Namespace', 'namespaces'),
  nodes: clusterKind('v1', 'Node', 'nodes'),
  endpointSlices: kind('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices'),
  events: kind('events.k8s.io/v1', 'Event', 'events'),
  leases: kind('coordination.k8s.io/v1', 'Lease', 'leases'),
  networkPolicies: kind('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  ciliumNetworkPolicies: kind('cilium.io/v2', 'CiliumNetworkPolicy', 'ciliumnetworkpolicies'),
  mutatingWebhooks: clusterKind(
    'admissionregistration.k8s.io/v1',
    'MutatingWebhookConfiguration',
    'mutatingwebhookconfigurations',
  ),
  validatingWebhooks: clusterKind(
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration',
    'validatingwebhookconfigurations',
  ),
  subjectAccessReviews: clusterKind('authorization.k8s.io/v1', 'SubjectAccessReview', 'subjectaccessreviews'),
} as const satisfies Record<string, Resource>;

/**
 * The resource of an object.
 *
 * @throws Error for a kind that is not in the list, which is a bug of the caller.
 */
export function resourceOf(object: { apiVersion: string; kind: string }): Resource {
  const found = BY_KIND.get(`${object.apiVersion}/${object.kind}`);
  if (found === undefined) {
    throw new Error(`kind ${object.apiVersion} ${object.kind} is not in kube/resources.ts`);
  }
  return found;
}

/** The resource by its plural, with the same demand. */
export function resourceByPlural(apiVersion: string, plural: string): Resource {
  const found = Object.values(RESOURCES).find((known) => known.apiVersion === apiVersion && known.plural === plural);
  if (found === undefined) {
    throw new Error(`${plural} of ${apiVersion} is not in kube/resources.ts`);
  }
  return found;
}

/** `/api/v1/namespaces/a/pods`, or over all namespaces when none is given. */
export function collectionPath(resource: Resource, namespace: string | undefined): string {
  const root = resource.apiVersion.includes('/') ? `/apis/${resource.apiVersion}` : `/api/${resource.apiVersion}`;
  if (!resource.namespaced || namespace === undefined) {
    return `${root}/${resource.plural}`;
  }
  return `${root}/namespaces/${pathPart(namespace)}/${resource.plural}`;
}

/** Path of one object. */
export function objectPath(ref: ObjectRef): string {
  if (ref.resource.namespaced && ref.namespace === undefined) {
    throw new Error(`${ref.resource.kind} ${ref.name} needs a namespace`);
  }
  return `${collectionPath(ref.resource, ref.namespace)}/${pathPart(ref.name)}`;
}

/** Guards against names that would address something else: an empty one deletes a collection. */
function pathPart(name: string): string {
  if (name === '' || name === '.' || name === '..') {
    throw new Error(`"${name}" is not the name of a Kubernetes object`);
  }
  return encodeURIComponent(name);
}

const BY_KIND: ReadonlyMap<string, Resource> = new Map(
  Object.values(RESOURCES).map((resource: Resource) => [`${resource.apiVersion}/${resource.kind}`, resource]),
);
