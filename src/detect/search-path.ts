/**
 * Tells the names a program asks for from what its resolver makes of them (`ndots:5`).
 *
 * A pod's resolver tries every suffix of its search path before the name itself, so that one lookup of an outside name is
 * four, each for A and AAAA. Only the name itself tells what is meant.
 */
import { parse } from 'tldts';

/**
 * Whether a name is what the resolver makes of another by its search path: it asks for
 * `example.com.agents.svc.cluster.local` before it asks for `example.com`, which then tells what is meant.
 *
 * `Perhaps`: a Service `pay` in a namespace `dev` and the domain `pay.dev` look alike below `svc.cluster.local`. Whether
 * the plain name is asked for as well tells them apart.
 */
export function isSearchPath(name: string): 'Yes' | 'No' | 'Perhaps' {
  const labels = name.split('.');
  if (name.endsWith('.internal')) {
    // Node domains of clouds, such as ec2.internal and c.project.internal.
    return [2, 3, 4].some((cut) => isPublicName(labels.slice(0, -cut).join('.'))) ? 'Yes' : 'No';
  }
  if (!name.endsWith('.cluster.local')) {
    return 'No';
  }
  const service = serviceOf(name);
  if (service === undefined) {
    return 'Yes';
  }
  return isPublicName(service) ? 'Perhaps' : 'No';
}

/** `service.namespace` of a cluster name that has just these two, or undefined. */
export function serviceOf(name: string): string | undefined {
  const [service, namespace, kind, ...rest] = name.split('.');
  return kind === 'svc' && rest.join('.') === 'cluster.local' ? `${service}.${namespace}` : undefined;
}

function isPublicName(name: string): boolean {
  const { isIcann, domain } = parse(name, { allowPrivateDomains: true, validateHostname: false });
  return isIcann === true && domain !== null;
}
