/**
 * What is kept of other people's objects: the fields Bulkhead uses and nothing more.
 *
 * Ten thousand pods are a hundred megabytes whole and a few as projections. Everything read here may be missing, and an
 * address may be none: the API server takes any text for that of a node or of a slice of names, and one such object must
 * not keep every policy from being compiled.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { KubeObject } from '../api/v1alpha1/types.ts';
import type { PodView, ServiceFacts } from '../reconcile/ports.ts';

interface PodSpec {
  nodeName?: string;
  hostNetwork?: boolean;
  serviceAccountName?: string;
  containers?: { name: string; image?: string }[];
}

interface PodStatus {
  phase?: string;
  startTime?: string;
  containerStatuses?: { name: string; imageID?: string }[];
}

interface RawPod extends KubeObject {
  spec?: PodSpec;
  status?: PodStatus;
}

export function projectPod(raw: KubeObject): PodView {
  const { metadata, spec = {}, status = {} } = raw as RawPod;
  const { namespace = '', uid = '', creationTimestamp = '' } = metadata;
  return {
    namespace,
    name: metadata.name,
    uid,
    labels: { ...metadata.labels },
    nodeName: spec.nodeName ?? '',
    hostNetwork: spec.hostNetwork === true,
    serviceAccount: spec.serviceAccountName ?? 'default',
    images: imagesOf(spec, status),
    owner: controllerOf(metadata),
    phase: status.phase ?? 'Unknown',
    startTime: status.startTime,
    creationTimestamp,
    terminating: metadata.deletionTimestamp !== undefined,
  };
}

/** Images as they run, by digest, where the kubelet has said so. */
function imagesOf({ containers = [] }: PodSpec, { containerStatuses = [] }: PodStatus): string[] {
  const digests = new Map(containerStatuses.map((container) => [container.name, container.imageID]));
  return containers.map(({ name, image = '' }) => digests.get(name) || image);
}

function controllerOf({ ownerReferences = [] }: KubeObject['metadata']): PodView['owner'] {
  const owner = ownerReferences.find((reference) => reference.controller === true);
  return owner === undefined ? undefined : { kind: owner.kind, name: owner.name, uid: owner.uid };
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
    clusterIPs: addresses.filter(isAddress),
    ports: (spec?.ports ?? []).map((port) => ({
      name: port.name ?? '',
      port: port.port,
      targetPort: port.targetPort ?? port.port,
      protocol: port.protocol ?? 'TCP',
    })),
  };
}

/** IP addresses in an object, of nodes or of endpoints. */
export type Addresses = readonly string[];

export function projectNode(raw: KubeObject): Addresses {
  const { status } = raw as KubeObject & { status?: { addresses?: { type: string; address: string }[] } };
  return (status?.addresses ?? [])
    .filter(({ type }) => type === 'InternalIP' || type === 'ExternalIP')
    .map(({ address }) => address)
    .filter(isAddress);
}

/** Addresses of the API server's own slices; none of any other. */
export function projectApiServerSlice(raw: KubeObject): Addresses {
  if (raw.metadata.labels?.['kubernetes.io/service-name'] !== 'kubernetes') {
    return [];
  }
  const { endpoints } = raw as KubeObject & { endpoints?: { addresses?: string[] }[] | null };
  return (endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? []).filter(isAddress);
}

/** An address with a zone (`fe80::1%eth0`) means something on one machine only. */
function isAddress(text: string): boolean {
  return isIPv4(text) || (isIPv6(text) && !text.includes('%'));
}
