/**
 * Services as policy facts, from manifests: what `bulkhead render` knows instead of a cluster.
 *
 * Services that are not written as the API server takes them are left out: an unknown Service stays denied and is named.
 */
import type { KubeObject } from '../api/v1alpha1/types.ts';
import type { ServiceFacts } from '../policy/plan.ts';

/** By `namespace/name`. */
export function serviceFacts(objects: readonly KubeObject[], defaultNamespace: string): Map<string, ServiceFacts> {
  const services = objects.filter(({ apiVersion, kind }) => apiVersion === 'v1' && kind === 'Service');
  return new Map(
    services.map((service) => [
      `${service.metadata.namespace ?? defaultNamespace}/${service.metadata.name}`,
      factsOf(fields((service as unknown as { spec?: unknown }).spec)),
    ]),
  );
}

function factsOf(spec: Readonly<Record<string, unknown>>): ServiceFacts {
  const ports = Array.isArray(spec['ports']) ? spec['ports'] : [];
  return { selector: selectorOf(spec), clusterIPs: [], ports: ports.flatMap((port) => portOf(fields(port))) };
}

/** Empty, which selects nothing, unless every part can be read: a part left out would select more pods. */
function selectorOf({ type, selector }: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(fields(selector));
  return type !== 'ExternalName' && entries.every(isTextEntry) ? Object.fromEntries(entries) : {};
}

function portOf({
  name,
  port,
  targetPort,
  protocol,
}: Readonly<Record<string, unknown>>): ServiceFacts['ports'][number][] {
  if (typeof port !== 'number') {
    return [];
  }
  return [
    {
      name: typeof name === 'string' ? name : '',
      port,
      targetPort: typeof targetPort === 'number' || typeof targetPort === 'string' ? targetPort : port,
      protocol: typeof protocol === 'string' ? protocol : 'TCP',
    },
  ];
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function isTextEntry(entry: [string, unknown]): entry is [string, string] {
  return typeof entry[1] === 'string';
}
