/**
 * What is kept of other people's objects: the fields Bulkhead uses and nothing more.
 *
 * Ten thousand pods are a hundred megabytes whole and a few as projections. Everything read here may be missing.
 */
import type { KubeObject } from '../api/v1alpha1/types.ts';
import type { PodView, ServiceFacts } from '../reconcile/ports.ts';

interface RawPod extends KubeObject {
  spec?: {
    nodeName?: string;
    hostNetwork?: boolean;
    serviceAccountName?: string;
    containers?: { name: string; image?: string }[];
  };
  status?: { phase?: string; startTime?: string; containerStatuses?: { name: string; imageID?: string }[] };
}

export function projectPod(raw: KubeObject): PodView {
  const { metadata, spec, status } = raw as RawPod;
  const owner = metadata.ownerReferences?.find((reference) => reference.controller === true);
  const digests = new Map(status?.containerStatuses?.map((container) => [container.name, container.imageID]));
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    labels: { ...metadata.labels },
    nodeName: spec?.nodeName ?? '',
    hostNetwork: spec?.hostNetwork === true,
    serviceAccount: spec?.serviceAccountName ?? 'default',
    images: (spec?.containers ?? []).map(({ name, image }) => digests.get(name) || (image ?? '')),
    owner: owner === undefined ? undefined : { kind: owner.kind, name: owner.name, uid: owner.uid },
    phase: status?.phase ?? 'Unknown',
    startTime: status?.startTime,
    creationTimestamp: metadata.creationTimestamp ?? '',
    terminating: metadata.deletionTimestamp !== undefined,
  };
}

interface RawService extends KubeObject {
  spec?: {
    selector?: Record<string, string>;
    clusterIP?: string;
    clusterIPs?: string[];
    ports?: { name?: string; port: number; targetPort?: number | string; protocol?: string }[];
  };
}

export function projectService(raw: KubeObject): ServiceFacts {
  const { spec } = raw as RawService;
  const addresses = spec?.clusterIPs ?? (spec?.clusterIP === undefined ? [] : [spec.clusterIP]);
  return {
    selector: { ...spec?.selector },
    clusterIPs: addresses.filter((address) => address !== '' && address !== 'None'),
    ports: (spec?.ports ?? []).map((port) => ({
      name: port.name ?? '',
      port: port.port,
      targetPort: port.targetPort ?? port.port,
      protocol: port.protocol ?? 'TCP',
    })),
  };
}

/** Addresses in an object, of nodes or of endpoints. */
export type Addresses = readonly string[];

export function projectNode(raw: KubeObject): Addresses {
  const { status } = raw as KubeObject & { status?: { addresses?: { type: string; address: string }[] } };
  return (status?.addresses ?? [])
    .filter(({ type }) => type === 'InternalIP' || type === 'ExternalIP')
    .map(({ address }) => address);
}

/** Addresses of the API server's own slices; none of any other. */
export function projectApiServerSlice(raw: KubeObject): Addresses {
  if (raw.metadata.labels?.['kubernetes.io/service-name'] !== 'kubernetes') {
    return [];
  }
  const { endpoints } = raw as KubeObject & { endpoints?: { addresses: string[] }[] | null };
  return (endpoints ?? []).flatMap((endpoint) => endpoint.addresses);
}
