/**
 * Tells the names a program asks for from what its resolver makes of them (`ndots:5`).
 *
 * A pod's resolver tries every suffix of its search path before the name itself, so that one lookup of an outside name is
 * four, each for A and AAAA. Only the name itself tells what is meant.
 */
import { parse } from 'tldts';

/**
 * Whether a name is what the resolver makes of another by its search path (`ndots:5`): it asks for
 * `example.com.agents.svc.cluster.local` before it asks for `example.com`, which then tells what is meant.
 */
export function isSearchPath(name: string): boolean {
  const labels = name.split('.');
  if (name.endsWith('.internal')) {
    // Node domains of clouds, such as ec2.internal and c.project.internal.
    return [2, 3, 4].some((cut) => isPublicName(labels.slice(0, -cut).join('.')));
  }
  if (!name.endsWith('.cluster.local')) {
    return false;
  }
  const [service = '', namespace = '', kind, ...rest] = labels;
  const isService = kind === 'svc' && rest.length === 2;
  return !isService || isPublicName(`${service}.${namespace}`);
}

function isPublicName(name: string): boolean {
  const { isIcann, domain } = parse(name, { allowPrivateDomains: true, validateHostname: false });
  return isIcann === true && domain !== null;
}
