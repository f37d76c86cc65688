import { describe, expect, test } from 'vitest';
import { type Connection, ConnectionTable, connectionKey, leadsOut, noteEvent } from './connections.ts';

function table(capacity = 8) {
  const connections = new ConnectionTable(capacity);
  const open = (localPort: number, firstMs: number, ip = '203.0.113.1'): Connection =>
    connections.open(connectionKey('TCP', localPort, 443), {
      ip,
      protocol: 'TCP',
      localPort,
      port: 443,
      scope: 'World',
      group: ip,
      naming: 'Direct',
      names: [],
      sawStart: true,
      firstMs,
    });
  const find = (localPort: number, ip = '203.0.113.1') => connections.find(ip, connectionKey('TCP', localPort, 443));
  return { connections, open, find };
}

test('no two connections share a key', () => {
  const keys = new Set<number>();
  for (const protocol of ['TCP', 'UDP', 'SCTP', 'ICMPv4', 'ICMPv6', 'OTHER'] as const) {
    for (const local of [0, 1, 65_535]) {
      for (const port of [0, 1, 65_535]) {
        keys.add(connectionKey(protocol, local, port));
      }
    }
  }
  expect(keys.size).toBe(6 * 3 * 3);
  expect([...keys].every(Number.isSafeInteger)).toBe(true);
});

describe('when the table is full', () => {
  test('the one that was quiet the longest goes', () => {
    const { connections, open, find } = table();
    const opened = Array.from({ length: 8 }, (_, index) => open(index, index));
    noteEvent(opened[0]!, 100, false);
    open(8, 101);
    expect(find(0)).toBeDefined();
    expect(find(1)).toBeUndefined();
    expect(connections.all().length).toBe(8);
    expect(connections.evicted).toBe(1);
  });

  test('a pinned one stays, and at most a quarter can be pinned', () => {
    const { connections, open, find } = table();
    for (let index = 0; index < 4; index += 1) {
      connections.pin(open(index, index));
    }
    for (let index = 4; index < 500; index += 1) {
      open(index, index);
    }
    expect([0, 1, 2, 3].map((local) => find(local) !== undefined)).toEqual([true, true, false, false]);
    expect(connections.all().length).toBe(8);
  });

  test('a connection that is opened again takes the place of the old one', () => {
    const { connections, open, find } = table();
    const first = open(1, 0);
    connections.pin(first);
    const second = open(1, 10);
    expect(find(1)).toBe(second);
    expect(connections.all()).toEqual([second]);
  });
});

describe('events', () => {
  test('within a second are one, so that copies and duplicates count nothing', () => {
    const { open } = table();
    const connection = open(1, 0);
    for (const timeMs of [0, 0, 0.1, 5000, 5000, 5000.5, 5999, 10_000]) {
      noteEvent(connection, timeMs, false);
    }
    expect(connection).toMatchObject({ outgoingEvents: 3, replyEvents: 0, pauseCount: 2, lastMs: 10_000 });
    expect([...(connection.pauses ?? [])].slice(0, 2)).toEqual([5, 5]);
  });

  test('that come without pause are traffic, counted once a second', () => {
    const { open } = table();
    const connection = open(1, 0);
    for (let timeMs = 0; timeMs < 60_000; timeMs += 100) {
      noteEvent(connection, timeMs, true);
    }
    expect(connection).toMatchObject({ replyEvents: 60, pauseCount: 0 });
  });

  test('out of order never turn time back', () => {
    const { open } = table();
    const connection = open(1, 1000);
    noteEvent(connection, 9000, false);
    noteEvent(connection, 2000, true);
    expect(connection).toMatchObject({ lastMs: 9000, lastReplyMs: 2000, pauseCount: 1 });
  });
});

test.each([
  ['World', false, [], true],
  ['Private', false, [], false],
  ['Private', true, [], true],
  ['Private', true, ['db.agents.svc.cluster.local'], false],
  ['Cluster', true, [], false],
  ['LinkLocal', true, [], false],
] as const)('%s, established %s, names %j leads out: %s', (scope, isEstablished, names, leads) => {
  const { open } = table();
  expect(leadsOut({ ...open(1, 0), scope, isEstablished, names })).toBe(leads);
});
