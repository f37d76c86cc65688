/**
 * What a finding is about, so that addresses of one service and ports of one kind become one finding.
 *
 * A name stands for its registrable domain, by the public suffix list with its private part, since below dyndns.org or
 * github.io everybody is somebody else. An address without a name stands for its network.
 */
import { getDomain } from 'tldts';
import type { Connection } from './connections.ts';
import type { Destination, Target } from './detector.ts';
import { addressAndPort, networkOf } from './scope.ts';

/** The target of evidence about one connection. */
export function targetOf(connection: Connection): Target {
  const name = connection.names[0];
  if (name !== undefined) {
    return { key: `${domainOf(name)}:${connection.port}`, text: `${name}:${connection.port}` };
  }
  return {
    key: `${networkOf(connection.ip)}:${connection.port}`,
    text: addressAndPort(connection.ip, connection.port),
  };
}

/** The target of evidence about a name on a list, however it was contacted. */
export function listedTarget(suffix: string, name: string = suffix): Target {
  return { key: suffix, text: name };
}

/** The registrable domain of a name, or the name when it has none. */
export function domainOf(name: string): string {
  return getDomain(name, { allowPrivateDomains: true, validateHostname: false }) ?? name;
}

/** What people call a destination: its name, or its address, with the port. */
export function placeText({ names, ip, port }: Pick<Destination, 'names' | 'ip' | 'port'>): string {
  const name = names[0];
  return name === undefined ? addressAndPort(ip, port) : `${name}:${port}`;
}

/**
 * What a pod did about a name.
 *
 * @param port - undefined when it only asked for the name.
 */
export function contactText(name: string, port: number | undefined, isForwarded: boolean): string {
  if (port === undefined) {
    return `asked for ${name}`;
  }
  return `${isForwarded ? 'connected to' : 'was refused'} ${name}:${port}`;
}
