import { describe, expect, test } from 'vitest';
import type { DnsRecord } from '../flows/flow.ts';
import { NameCache } from './names.ts';

function answer(query: string, ips: readonly string[], cnames: readonly string[] = []): DnsRecord {
  return { type: 'RESPONSE', query, ips, cnames, qtypes: ['A'], rrtypes: ['A'], rcode: 0, ttl: 30 };
}

const cache = () => new NameCache({ addresses: 8 });

describe('an address', () => {
  test('has the name this pod asked for, and what that is an alias of', () => {
    const names = cache();
    names.learn(answer('api.example.com', ['203.0.113.1'], ['cdn.example.net']), false);
    expect(names.namesOf('203.0.113.1', ['other.example.org'], 0)).toEqual({
      naming: 'Named',
      names: ['api.example.com', 'cdn.example.net'],
    });
  });

  test('has the name it was asked under last', () => {
    const names = cache();
    names.learn(answer('a.example.com', ['203.0.113.1']), false);
    names.learn(answer('b.example.com', ['203.0.113.1']), false);
    expect(names.namesOf('203.0.113.1', [], 0).names).toEqual(['b.example.com']);
  });

  test('has the names Hubble knows where the pod’s questions were not seen', () => {
    expect(cache().namesOf('203.0.113.1', ['a.example.com'], 0)).toEqual({ naming: 'Named', names: ['a.example.com'] });
  });
});

describe('without a name', () => {
  const after = (lookupMs: number | undefined, connectMs: number) => {
    const names = cache();
    if (lookupMs !== undefined) {
      names.noteLookup(lookupMs);
    }
    return names.namesOf('203.0.113.1', [], connectMs).naming;
  };

  test.each([
    ['no lookup at all', undefined, 1000, 'Direct'],
    ['a lookup just before that nobody could read', 1000, 1010, 'Unknown'],
    ['a lookup ten seconds before', 1000, 11_000, 'Unknown'],
    ['a lookup longer ago than that', 1000, 11_001, 'Direct'],
    ['a lookup after it', 2000, 1000, 'Direct'],
  ] as const)('%s: %s', (_name, lookupMs, connectMs, naming) => {
    expect(after(lookupMs, connectMs)).toBe(naming);
  });

  test('stays unknown for later connections to the same address, and for no other', () => {
    const names = cache();
    names.noteLookup(0);
    names.namesOf('203.0.113.1', [], 10);
    expect(names.namesOf('203.0.113.1', [], 3_600_000).naming).toBe('Unknown');
    expect(names.namesOf('203.0.113.2', [], 3_600_000).naming).toBe('Direct');
  });

  test('is certain once this pod’s lookups can be read', () => {
    const names = cache();
    names.learn(answer('a.example.com', ['203.0.113.9']), false);
    names.noteLookup(1000);
    expect(names.namesOf('203.0.113.1', [], 1010).naming).toBe('Direct');
  });
});

test('a flood of lookups keeps the listed names and stays within its bounds', () => {
  const names = cache();
  names.learn(answer('connect.ngrok-agent.com', ['203.0.113.1', '203.0.113.2']), true);
  for (let index = 0; index < 500; index += 1) {
    names.learn(answer(`x${index}.example.com`, [`198.51.100.${index}`]), false);
  }
  expect(names.size).toBeLessThanOrEqual(8);
  expect(names.evicted).toBe(494);
  expect(names.namesOf('203.0.113.1', [], 0).names).toEqual(['connect.ngrok-agent.com']);
});

test('a flood of listed names does not lock everything else out', () => {
  const names = cache();
  for (let index = 0; index < 100; index += 1) {
    names.learn(answer(`t${index}.ngrok.io`, [`203.0.113.${index}`]), true);
  }
  names.learn(answer('api.example.com', ['198.51.100.1']), false);
  expect(names.size).toBeLessThanOrEqual(8);
  expect(names.namesOf('198.51.100.1', [], 0).naming).toBe('Named');
});

describe('a refusal', () => {
  test.each([
    ['of a question that was let through is the resolver’s', true, false],
    ['out of nothing is the proxy’s', false, true],
  ])('%s', (_name, isAsked, isProxys) => {
    const names = cache();
    if (isAsked) {
      names.noteQuestion('a.example.com', 1000);
    }
    expect(names.isProxyRefusal({ ...answer('a.example.com', []), rcode: 5 }, 1002)).toBe(isProxys);
  });
});
