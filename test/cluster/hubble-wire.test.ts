/**
 * What can happen between Bulkhead and Hubble, on Hubble's own server and relay: TLS, filters, silence, loss.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { decodeJsonLine } from '../../src/flows/decode-json.ts';
import type { FlowEvent } from '../../src/flows/flow.ts';
import { eventually, flowLine } from '../../src/flows/sources/source.conformance.ts';
import { useHubble } from '../support/hubble.ts';
import { makeAuthority } from '../support/tls-files.ts';

const use = useHubble();

function fixture(name: string): string[] {
  const path = new URL(`../fixtures/flows/${name}.jsonl`, import.meta.url);
  return readFileSync(path, 'utf8').trim().split('\n');
}

/** The line of a flow from a pod of the namespace to one of the other, at this second. */
function flowBetween(number: number, source: string, destination: string): string {
  const { flow } = JSON.parse(flowLine(number)) as { flow: object };
  const end = (namespace: string) => ({
    namespace,
    pod_name: 'p',
    labels: [`k8s:io.kubernetes.pod.namespace=${namespace}`],
  });
  return JSON.stringify({ flow: { ...flow, source: end(source), destination: end(destination) } });
}

describe('what a node and a relay send', () => {
  it.each(['nodeAddress', 'relayAddress'] as const)(
    'is what their JSON says, for every kind of event (%s)',
    async (which) => {
      const lines = ['observe', 'pod-to-outside', 'apiserver-from-pod', 'variants'].flatMap(fixture);
      const hubble = await use.start({ relay: true });
      await hubble.write(lines);
      const reading = use.read(`hubble+grpc://${hubble[which]}`, { sinceMs: -1_000 });
      const fromHubble = () => reading.events.filter((event) => event.kind !== 'node');
      await reading.until(() => fromHubble().length === lines.length);
      // A relay sorts by time, so compare without order.
      const byContent = (events: readonly unknown[]) => events.map((event) => JSON.stringify(event)).sort();
      expect(byContent(fromHubble())).toEqual(byContent(lines.map((line) => decodeJsonLine(line))));
    },
  );
});

describe('a filter of namespaces', () => {
  const lines = [
    flowBetween(1, 'agents', 'web'),
    flowBetween(2, 'web', 'agents'),
    flowBetween(3, 'web', 'other'),
    flowBetween(4, 'agents-staging', 'web'),
    flowBetween(5, 'agents', 'agents'),
  ];

  it.each([
    ['one, on either side', ['agents'], [1, 2, 5]],
    ['two', ['other', 'agents-staging'], [3, 4]],
  ])('of %s', async (_, namespaces, expected) => {
    const hubble = await use.start();
    await hubble.write([...lines, flowBetween(9, namespaces[0] ?? '', 'end')]);
    const reading = use.read(`unix://${hubble.socketPath}`, { namespaces, sinceMs: 0 });
    await reading.until(() => reading.numbers().includes(9));
    expect(reading.numbers()).toEqual([...expected, 9]);
  });

  it('of none lets nothing pass but keeps the connection', async () => {
    const hubble = await use.start();
    const reading = use.read(`unix://${hubble.socketPath}`, { namespaces: [], sinceMs: 0 });
    const next = reading.batches.next();
    await eventually(() => reading.source.health().connected).toBe(true);
    await hubble.write(lines);
    await sleep(300);
    expect(reading.source.health()).toMatchObject({ connected: true, received: 0 });
    reading.stop();
    expect(await next).toMatchObject({ done: true });
  });

  it('can be changed while flows come, without losing or doubling one', async () => {
    const hubble = await use.start();
    const reading = use.read(`unix://${hubble.socketPath}`, { namespaces: ['agents'] });
    const all = reading.until(() => reading.numbers().includes(8));
    await eventually(() => reading.source.health().connected).toBe(true);
    await hubble.write([flowBetween(1, 'agents', 'x'), flowBetween(2, 'other', 'x'), flowBetween(3, 'agents', 'x')]);
    await eventually(() => reading.numbers()).toEqual([1, 3]);
    reading.source.setNamespaces(['agents', 'third']);
    reading.source.setNamespaces(['agents', 'other']);
    await hubble.write([flowBetween(4, 'agents', 'x')]);
    await eventually(() => reading.numbers()).toContain(2); // asked for again, from a little before
    await hubble.write([5, 6, 7, 8].map((number) => flowBetween(number, number % 2 === 0 ? 'other' : 'agents', 'x')));
    await all;
    expect(reading.numbers().sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe('TLS', () => {
  const SERVER_NAME = 'kind-worker.default.hubble-grpc.cilium.io';

  async function start(mutual: boolean) {
    const folder = use.folder();
    const authority = await makeAuthority(folder);
    const server = await authority.issue('server', ['*.default.hubble-grpc.cilium.io', '*.hubble-relay.cilium.io']);
    const hubble = await use.start({
      relay: true,
      tls: { ...server, ...(mutual ? { clientCa: authority.ca } : {}) },
    });
    await hubble.write([flowLine(1)]);
    return { hubble, authority, folder };
  }

  it.each([
    ['a node', 'nodeAddress', SERVER_NAME],
    ['a relay', 'relayAddress', 'ui.hubble-relay.cilium.io'],
  ] as const)('to %s, by its own name', async (_, which, serverName) => {
    const { hubble, authority } = await start(false);
    const reading = use.read(`hubble+tls://${hubble[which]}?ca=${authority.ca}&server-name=${serverName}`);
    await reading.until(() => reading.numbers().includes(1));
  });

  it('with a client certificate, where the server wants one', async () => {
    const { hubble, authority } = await start(true);
    const client = await authority.issue('client', ['bulkhead']);
    const query = `ca=${authority.ca}&server-name=${SERVER_NAME}&cert=${client.cert}&key=${client.key}`;
    const reading = use.read(`hubble+tls://${hubble.nodeAddress}?${query}`);
    await reading.until(() => reading.numbers().includes(1));
  });

  it('with a certificate that is replaced meanwhile', async () => {
    const { hubble, authority, folder } = await start(true);
    const stranger = await makeAuthority(folder, 'stranger');
    const wrong = await stranger.issue('client', ['bulkhead']);
    const query = `ca=${authority.ca}&server-name=${SERVER_NAME}&cert=${wrong.cert}&key=${wrong.key}`;
    const reading = use.read(`hubble+tls://${hubble.nodeAddress}?${query}`);
    const first = reading.until(() => reading.numbers().includes(1));
    await eventually(() => reading.source.health().error).toBeDefined();
    expect(reading.source.health().connected).toBe(false);
    await authority.issue('client', ['bulkhead']); // over the same files
    await first;
    expect(reading.source.health()).toMatchObject({ connected: true, error: undefined });
  });

  it.each([
    ['the name is not in the certificate', 'example.test', true, /does not match certificate/],
    ['the server is signed by somebody else', SERVER_NAME, false, /signature|certificate/],
  ])('is refused when %s', async (_, serverName, isOurs, message) => {
    const { hubble, authority, folder } = await start(false);
    const ca = isOurs ? authority.ca : (await makeAuthority(folder, 'other')).ca;
    const reading = use.read(`hubble+tls://${hubble.nodeAddress}?ca=${ca}&server-name=${serverName}`);
    const next = reading.batches.next();
    await eventually(() => reading.source.health().error).toMatch(message);
    expect(reading.source.health()).toMatchObject({ connected: false, received: 0 });
    reading.stop();
    await next;
  });

  it('says which file is missing', async () => {
    const reading = use.read('hubble+tls://127.0.0.1:1?ca=/nowhere/ca.crt');
    const next = reading.batches.next();
    await eventually(() => reading.source.health().error).toMatch(/no such file.*\/nowhere\/ca\.crt/);
    reading.stop();
    await next;
  });
});

describe('a server that does not answer as it should', () => {
  it('tells afterwards what happened while it was closed', async () => {
    const hubble = await use.start();
    const reading = use.read(`hubble+grpc://${hubble.nodeAddress}`);
    const all = reading.until(() => reading.numbers().includes(6));
    await eventually(() => reading.source.health().connected).toBe(true);
    await hubble.write([1, 2].map((number) => flowLine(number)));
    await eventually(() => reading.numbers()).toContain(2);
    await hubble.nodes[0]?.close();
    await eventually(() => reading.source.health().connected).toBe(false);
    await hubble.write([3, 4, 5].map((number) => flowLine(number)));
    await hubble.nodes[0]?.open();
    await eventually(() => reading.numbers()).toContain(5);
    await hubble.write([flowLine(6)]);
    await all;
    expect(reading.numbers().filter((number) => number > 2)).toEqual([3, 4, 5, 6]);
    expect(reading.source.health().duplicates).toBeGreaterThan(0); // asked for from a little before
  });

  it('is tried again until it is there', async () => {
    const hubble = await use.start();
    await hubble.nodes[0]?.kill();
    const reading = use.read(`hubble+grpc://${hubble.nodeAddress}`);
    const first = reading.until(() => reading.numbers().includes(1));
    await eventually(() => reading.source.health().error).toMatch(/UNAVAILABLE.*ECONNREFUSED/);
    await hubble.nodes[0]?.start();
    await hubble.write([flowLine(1)]);
    await first;
    expect(reading.source.health()).toMatchObject({ connected: true, error: undefined });
  });

  it('is named when it is a gRPC server, but not Hubble', async () => {
    const server = new Server();
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    use.afterwards(() => server.forceShutdown());
    const reading = use.read(`hubble+grpc://127.0.0.1:${port}`);
    const next = reading.batches.next();
    await expect
      .poll(() => reading.source.health().error)
      .toMatch(/is this the address of a Hubble server or relay\?$/);
    reading.stop();
    await next;
  });

  it('does not hold up the end when it accepts connections and stays silent', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    use.afterwards(() => server.close());
    const { port } = server.address() as { port: number };
    const reading = use.read(`hubble+grpc://127.0.0.1:${port}`);
    const next = reading.batches.next();
    await sleep(50);
    reading.stop();
    expect(await next).toMatchObject({ done: true });
  });

  it('that sends a message larger than we take loses that message only, and says so', async () => {
    const hubble = await use.start();
    const reading = use.read(`unix://${hubble.socketPath}`);
    const last = reading.until(() => reading.numbers().includes(3));
    await hubble.write([flowLine(1)]);
    await eventually(() => reading.numbers()).toEqual([1]);
    const { flow } = JSON.parse(flowLine(2)) as { flow: object };
    await hubble.write([JSON.stringify({ flow: { ...flow, Summary: 'x'.repeat(5_000_000) } })]);
    await eventually(() => reading.source.health().lost).toBeGreaterThan(0);
    await hubble.write([flowLine(3)]);
    await last;
    expect(reading.numbers()).toEqual([1, 3]);
    expect(reading.events).toContainEqual(
      expect.objectContaining({ kind: 'lost', lost: expect.objectContaining({ source: 'MESSAGE_TOO_LARGE' }) }),
    );
  });
});

describe('a stream that has gone mute', () => {
  it('since its node had an empty ring when it was opened, is found and opened again', async () => {
    const hubble = await use.start({ pad: false });
    const reading = use.read(`unix://${hubble.socketPath}`, { sinceMs: 0 });
    const missed = reading.until(() => reading.numbers().includes(9));
    await eventually(() => reading.source.health().connected).toBe(true);
    await sleep(100); // connected means that the stream was asked for, not that the server has got there
    await hubble.write([1, 2, 3, 4, 5].map((number) => flowLine(number)));
    await hubble.write([6, 7, 8, 9, 10].map((number) => flowLine(number)));
    await missed;
    // Without the dummy events of the feeder Hubble keeps the newest one back.
    expect(reading.numbers()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('for one node of a relay, while another speaks, is found too', async () => {
    const hubble = await use.start({ pad: false, relay: true, nodes: ['kind/a', 'kind/b'] });
    const [a, b] = hubble.nodes;
    const from = (node: string, ...numbers: number[]) => numbers.map((number) => flowLine(number, node));
    await a?.write(from('kind/a', 1, 2, 3));
    const reading = use.read(`hubble+grpc://${hubble.relayAddress}`, { sinceMs: 0 });
    const missed = reading.until(() => reading.numbers().includes(103));
    await eventually(() => reading.source.health().connected).toBe(true);
    await sleep(100);
    await b?.write(from('kind/b', 101, 102, 103, 104));
    for (let number = 4; !reading.numbers().includes(103); number += 1) {
      await a?.write(from('kind/a', number));
      await Promise.race([missed, sleep(50)]);
    }
    expect(reading.numbers().filter((number) => number > 100)).toEqual([101, 102, 103]);
  });

  it('is not taken for one when the flows are only for others', async () => {
    const hubble = await use.start();
    const reading = use.read(`unix://${hubble.socketPath}`, { namespaces: ['agents'] });
    const next = reading.until(() => reading.numbers().includes(2));
    await hubble.write([flowBetween(1, 'agents', 'x')]);
    await eventually(() => reading.numbers()).toEqual([1]);
    for (let number = 10; number < 16; number += 1) {
      await hubble.write([flowBetween(number, 'other', 'x')]);
      await sleep(60);
    }
    await hubble.write([flowBetween(2, 'agents', 'x')]);
    await next;
    // A stream that is opened again repeats its newest flow.
    expect(reading.source.health()).toMatchObject({ received: 2, duplicates: 0 });
  });
});

describe('loss', () => {
  it('shows as lost events when the reader is slower than the ring is overwritten', async () => {
    const hubble = await use.start({ ring: 255 });
    const reading = use.read(`unix://${hubble.socketPath}`);
    const first = reading.until(() => reading.numbers().length >= 1);
    await eventually(() => reading.source.health().connected).toBe(true);
    await hubble.write([flowLine(1)]);
    await first;
    await hubble.write(Array.from({ length: 30_000 }, (_, index) => flowLine(index + 2)));
    // Hubble tells of the loss with the first event that comes a second after it.
    const isDone = reading.until(() => reading.source.health().lost > 0).then(() => true);
    for (let number = 40_000; !(await Promise.race([isDone, sleep(100)])); number += 1) {
      await hubble.write([flowLine(number)]);
    }
    expect(reading.events.filter(isLost)).toContainEqual({
      kind: 'lost',
      lost: expect.objectContaining({ source: 'HUBBLE_RING_BUFFER', nodeName: 'kind-worker' }),
    });
  });

  it('of a ring, when an agent restarts, is told', async () => {
    const hubble = await use.start();
    const reading = use.read(`unix://${hubble.socketPath}`);
    const told = reading.until(() => reading.events.some(isLost) && reading.numbers().includes(4));
    await eventually(() => reading.source.health().connected).toBe(true);
    await hubble.write([1, 2, 3].map((number) => flowLine(number)));
    await eventually(() => reading.numbers().length).toBe(3);
    await hubble.nodes[0]?.kill();
    await sleep(300); // no agent is back sooner
    await hubble.nodes[0]?.start();
    await hubble.write([flowLine(4)]);
    await told;
    expect(reading.events.filter(isLost)).toMatchObject([{ lost: { source: 'SERVER_RESTARTED', count: 0 } }]);
  });

  it('of a node behind a relay is known while it lasts', async () => {
    const hubble = await use.start({ relay: true, nodes: ['kind/a', 'kind/b'] });
    const reading = use.read(`hubble+grpc://${hubble.relayAddress}`);
    const all = reading.until(() => reading.numbers().includes(7));
    await hubble.nodes[0]?.write([flowLine(1)]);
    await eventually(() => reading.numbers()).toEqual([1]);
    await hubble.nodes[1]?.kill();
    await eventually(() => reading.source.health().unavailableNodes).toEqual(['kind/b']);
    expect(reading.source.health().connected).toBe(true);
    await hubble.nodes[1]?.start();
    await eventually(() => reading.source.health().unavailableNodes).toEqual([]);
    await hubble.nodes[1]?.write([flowLine(7)]);
    await all;
  });
});

function isLost(event: FlowEvent): boolean {
  return event.kind === 'lost';
}
