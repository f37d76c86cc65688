import { describe, expect, test } from 'vitest';
import { type Connection, ConnectionTable, leadsOut } from './connections.ts';

function table(capacity = 8) {
  const connections = new ConnectionTable(capacity);
  const open = (localPort: number, firstMs: number, ip = '203.0.113.1'): Connection =>
    connections.open({
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
  const find = (localPort: number, ip = '203.0.113.1') => connections.find(ip, 'TCP', localPort, 443);
  return { connections, open, find };
}

test('connections to one address are told apart by both ports and the protocol', () => {
  const { connections, open } = table();
  const first = open(1, 0);
  const second = open(2, 0);
  expect(connections.find('203.0.113.1', 'TCP', 1, 443)).toBe(first);
  expect(connections.find('203.0.113.1', 'TCP', 2, 443)).toBe(second);
  expect(connections.find('203.0.113.1', 'UDP', 1, 443)).toBeUndefined();
  expect(connections.find('203.0.113.1', 'TCP', 1, 80)).toBeUndefined();
  expect(connections.find('203.0.113.2', 'TCP', 1, 443)).toBeUndefined();
});

describe('when the table is full', () => {
  test('the one that was quiet the longest goes', () => {
    const { connections, open, find } = table();
    const opened = Array.from({ length: 8 }, (_, index) => open(index, index));
    opened[0]!.note(100, false);
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

  test('one that is closed goes before one that is silent', () => {
    const { open, find } = table();
    const opened = Array.from({ length: 8 }, (_, index) => open(index, index));
    opened[5]!.close(100);
    open(8, 3_600_000);
    expect(find(5)).toBeUndefined();
    expect(find(0)).toBeDefined();
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
      connection.note(timeMs, false);
    }
    expect(connection).toMatchObject({ outgoingEvents: 3, replyEvents: 0, pauseCount: 2, lastMs: 10_000 });
    expect(connection.pauses).toEqual([5000, 5000]);
  });

  test('that come without pause are traffic, counted once a second', () => {
    const { open } = table();
    const connection = open(1, 0);
    for (let timeMs = 0; timeMs < 60_000; timeMs += 100) {
      connection.note(timeMs, true);
    }
    expect(connection).toMatchObject({ replyEvents: 60, pauseCount: 0 });
  });

  test('out of order never turn time back', () => {
    const { open } = table();
    const connection = open(1, 1000);
    connection.note(9000, false);
    connection.note(2000, true);
    expect(connection).toMatchObject({ lastMs: 9000, replyEvents: 1, pauseCount: 1 });
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
  expect(leadsOut({ scope, isEstablished, names })).toBe(leads);
});
