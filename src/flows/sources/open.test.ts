import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { openFlowSource } from './open.ts';
import { flowLine, reader } from './source.conformance.ts';

it.each([
  [
    'a relay in the cluster',
    'hubble+grpc://hubble-relay.kube-system.svc',
    'hubble+grpc://hubble-relay.kube-system.svc',
  ],
  ['a node server', 'hubble+grpc://198.51.100.2:4244', 'hubble+grpc://198.51.100.2:4244'],
  ['a node server by IPv6', 'hubble+grpc://[2001:db8::2]:4244', 'hubble+grpc://[2001:db8::2]:4244'],
  [
    'a relay with TLS',
    'hubble+tls://relay:443?ca=/a.crt&server-name=ui.hubble-relay.cilium.io',
    'hubble+tls://relay:443',
  ],
  ['a relay with mutual TLS', 'hubble+tls://relay?ca=/a&cert=/c&key=/k', 'hubble+tls://relay'],
  ['a socket', 'unix:///var/run/cilium/hubble.sock', 'unix:///var/run/cilium/hubble.sock'],
  ['a followed file', 'file:///var/run/events.log?follow=1&from=start', '/var/run/events.log'],
  ['a file by its path', '/tmp/flows.jsonl', '/tmp/flows.jsonl'],
  ['a file by a relative path', 'flows.jsonl.gz', '/somewhere/flows.jsonl.gz'],
  ['a file with a blank in its name', 'file:///a%20b', '/a b'],
])('%s is an address', (_, address, name) => {
  expect(openFlowSource(address, { cwd: '/somewhere' }).name).toBe(name);
});

it.each([
  ['hubble+grpc://relay', true],
  ['unix:///run/hubble.sock', true],
  ['file:///run/events.log', false],
])('%s takes a filter of namespaces: %s', (address, expected) => {
  expect(openFlowSource(address).setNamespaces !== undefined).toBe(expected);
});

it.each([
  ['http://relay', 'http://relay is no address of flows: the scheme is none of hubble+grpc: hubble+tls: unix: file:'],
  ['hubble+grpc://', 'hubble+grpc:// is no address of flows: it names no host'],
  ['hubble+grpc://relay:port', 'hubble+grpc://relay:port is no address of flows: it is not a URL'],
  ['hubble+grpc://relay/flows', 'hubble+grpc://relay/flows is no address of flows: an address of a server has no path'],
  [
    'hubble+grpc://relay?ca=/a',
    'hubble+grpc://relay?ca=/a is no address of flows: the parameter ca is unknown; it takes none',
  ],
  [
    'hubble+tls://relay?cafile=/a',
    'hubble+tls://relay?cafile=/a is no address of flows: the parameter cafile is unknown; it takes ca, cert, key, server-name',
  ],
  ['hubble+tls://relay?cert=/a', 'hubble+tls://relay?cert=/a is no address of flows: cert and key belong together'],
  [
    'unix://var/run/hubble.sock',
    'unix://var/run/hubble.sock is no address of flows: a socket is written with three slashes, as unix:///var/run/cilium/hubble.sock',
  ],
  [
    'file://events.log',
    'file://events.log/ is no address of flows: a file is written with three slashes, as file:///var/run/cilium/hubble/events.log',
  ],
  ['file:///events.log?follow=yes', '/events.log is no address of flows: follow is 0 or 1'],
  ['file:///events.log?from=middle', '/events.log is no address of flows: from is start or end'],
  ['-', '- is no address of flows: there is no standard input to read'],
])('%s is refused', (address, message) => {
  expect(() => openFlowSource(address)).toThrow(message);
});

it('reads standard input', async () => {
  const reading = reader(openFlowSource('-', { stdin: Readable.from([Buffer.from(`${flowLine(1)}\n`)]) }));
  await reading.until(() => reading.numbers().length === 1);
  expect(reading.numbers()).toEqual([1]);
});

it('reads a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-open-'));
  try {
    writeFileSync(join(folder, 'flows.jsonl'), `${flowLine(1)}\n`);
    const reading = reader(openFlowSource('flows.jsonl', { cwd: folder }));
    await reading.until(() => reading.numbers().length === 1);
    expect(reading.numbers()).toEqual([1]);
    await reading.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});
