/**
 * Makes a flow source from the address a person wrote.
 *
 *     hubble+grpc://hubble-relay.kube-system.svc            a relay, or a node server at host:4244; plaintext
 *     hubble+tls://host:443?ca=FILE&cert=FILE&key=FILE&server-name=ui.hubble-relay.cilium.io
 *     unix:///var/run/cilium/hubble.sock                    the socket of the node
 *     file:///var/run/cilium/hubble/events.log?follow=1     Hubble's exporter; from=start to begin with what is there
 *     recording.jsonl, recording.jsonl.gz                   a file, read once
 *     -                                                     standard input
 *
 * Only the address is judged here; whether anybody is there shows when the source is read.
 */
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { printable } from '../../api/v1alpha1/display.ts';
import type { FlowSource } from '../flow.ts';
import { FlowSourceError } from './flow-source-error.ts';
import type { HubbleAddress } from './hubble-client.ts';
import { type HubbleOptions, type HubbleSource, hubbleSource } from './hubble-grpc.ts';
import { type JsonlFileOptions, jsonlFile } from './jsonl-file.ts';
import { jsonlStream } from './jsonl-stream.ts';
import type { TlsFiles } from './tls-files.ts';

export interface OpenOptions extends HubbleOptions, Pick<JsonlFileOptions, 'pollMs'> {
  /** What `-` reads. */
  stdin?: Readable;
  /** What relative paths are relative to. Default the process's own. */
  cwd?: string;
}

/** A source; those that ask a server for flows can be told which namespaces to ask for. */
export type OpenedSource = FlowSource & Partial<Pick<HubbleSource, 'setNamespaces'>>;

/**
 * @throws FlowSourceError `BadAddress` with a sentence that says what is wrong with the address.
 * @example
 * openFlowSource('hubble+grpc://hubble-relay.kube-system.svc', { namespaces: ['agents'] })
 */
export function openFlowSource(address: string, options: OpenOptions = {}): OpenedSource {
  if (address === '-') {
    return fromStdin(options);
  }
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(address)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    return fromFile(address, options, new URLSearchParams());
  }
  const open = SCHEMES.get(scheme);
  if (open === undefined) {
    throw bad(address, `the scheme is none of ${[...SCHEMES.keys()].map((one) => `${one}:`).join(' ')}`);
  }
  if (!URL.canParse(address)) {
    throw bad(address, 'it is not a URL');
  }
  return open(new URL(address), options);
}

type Open = (url: URL, options: OpenOptions) => OpenedSource;

const SCHEMES: ReadonlyMap<string, Open> = new Map<string, Open>([
  ['hubble+grpc', fromPlaintextServer],
  ['hubble+tls', fromTlsServer],
  ['unix', fromSocket],
  ['file', fromFileUrl],
]);

function fromStdin(options: OpenOptions): OpenedSource {
  if (options.stdin === undefined) {
    throw bad('-', 'there is no standard input to read');
  }
  return jsonlStream('stdin', options.stdin, options);
}

/** `port` is the one of the relay's Service, which is where most people connect. */
function fromServer(url: URL, port: number, tls: TlsFiles | undefined, options: OpenOptions): OpenedSource {
  if (url.hostname === '') {
    throw bad(url.href, 'it names no host');
  }
  if (url.pathname !== '' && url.pathname !== '/') {
    throw bad(url.href, 'an address of a server has no path');
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const address: HubbleAddress = { kind: 'tcp', host, port: url.port === '' ? port : Number(url.port), tls };
  return hubbleSource(`${url.protocol}//${url.host}`, address, options);
}

function fromPlaintextServer(url: URL, options: OpenOptions): OpenedSource {
  parametersOf(url, []);
  return fromServer(url, 80, undefined, options);
}

function fromTlsServer(url: URL, options: OpenOptions): OpenedSource {
  const parameters = parametersOf(url, ['ca', 'cert', 'key', 'server-name']);
  if (parameters.has('cert') !== parameters.has('key')) {
    throw bad(url.href, 'cert and key belong together');
  }
  const read = (name: string) => parameters.get(name) ?? undefined;
  return fromServer(
    url,
    443,
    { ca: read('ca'), cert: read('cert'), key: read('key'), serverName: read('server-name') },
    options,
  );
}

function fromSocket(url: URL, options: OpenOptions): OpenedSource {
  parametersOf(url, []);
  if (url.hostname !== '' || url.pathname.length < 2) {
    throw bad(url.href, 'a socket is written with three slashes, as unix:///var/run/cilium/hubble.sock');
  }
  return hubbleSource(url.href, { kind: 'unix', path: decodeURIComponent(url.pathname) }, options);
}

function fromFileUrl(url: URL, options: OpenOptions): OpenedSource {
  if (url.hostname !== '' || url.pathname.length < 2) {
    throw bad(url.href, 'a file is written with three slashes, as file:///var/run/cilium/hubble/events.log');
  }
  return fromFile(fileURLToPath(`file://${url.pathname}`), options, parametersOf(url, ['follow', 'from']));
}

function fromFile(path: string, options: OpenOptions, parameters: URLSearchParams): OpenedSource {
  const follow = parameters.get('follow') ?? '0';
  const from = parameters.get('from') ?? 'end';
  if (follow !== '0' && follow !== '1') {
    throw bad(path, 'follow is 0 or 1');
  }
  if (from !== 'start' && from !== 'end') {
    throw bad(path, 'from is start or end');
  }
  return jsonlFile(resolve(options.cwd ?? '.', path), { ...options, follow: follow === '1', from });
}

function parametersOf(url: URL, known: readonly string[]): URLSearchParams {
  for (const name of url.searchParams.keys()) {
    if (!known.includes(name)) {
      const hint = known.length === 0 ? 'it takes none' : `it takes ${known.join(', ')}`;
      throw bad(url.href, `the parameter ${printable(name)} is unknown; ${hint}`);
    }
  }
  return url.searchParams;
}

function bad(address: string, why: string): FlowSourceError {
  return new FlowSourceError('BadAddress', `${printable(address)} is no address of flows: ${why}`);
}
