import { expect, test } from 'vitest';
import { HashMemory, hashOf } from './hash-memory.ts';

const DAY = 24 * 3_600_000;

test('tells new keys from known ones', () => {
  const memory = new HashMemory(64, DAY, 1);
  expect(memory.add('10.0.0.1:80/TCP', 0)).toBe(true);
  expect(memory.add('10.0.0.1:80/TCP', 1000)).toBe(false);
  expect(memory.add('10.0.0.1:81/TCP', 1000)).toBe(true);
});

test('a key is new again a day after it was first seen, and no minute earlier', () => {
  const memory = new HashMemory(64, DAY, 1);
  memory.add('a', 0);
  expect(memory.add('a', DAY)).toBe(false);
  expect(memory.add('a', DAY + 60_000)).toBe(true);
});

test('of a full bucket the oldest makes room', () => {
  const memory = new HashMemory(4, DAY, 1);
  ['a', 'b', 'c', 'd', 'e'].forEach((key, index) => memory.add(key, (index + 1) * 60_000));
  expect(['b', 'c', 'd', 'e'].map((key) => memory.add(key, 600_000))).toEqual([false, false, false, false]);
  expect(memory.add('a', 600_000)).toBe(true);
});

test('a thousand places of a scan are a thousand hashes, and another seed gives others', () => {
  const keys = Array.from({ length: 1000 }, (_, index) => `10.0.${index >> 8}.${index & 255}:8080/TCP`);
  const hashes = new Set(keys.map((key) => hashOf(key, 7)));
  expect(hashes.size).toBe(1000);
  expect(hashes.has(0)).toBe(false);
  expect(keys.filter((key) => hashes.has(hashOf(key, 8)))).toEqual([]);
});

test('spreads keys that differ little over all buckets', () => {
  const buckets = Array.from({ length: 64 }, () => 0);
  for (let port = 0; port < 6400; port += 1) {
    const bucket = hashOf(`10.0.0.1:${port}/TCP`, 3) & 63;
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  expect(Math.min(...buckets)).toBeGreaterThan(50);
  expect(Math.max(...buckets)).toBeLessThan(200);
});
