import { expect, test } from 'vitest';
import { BoundedMap } from './bounded-map.ts';
import { RecentKeys } from './recent.ts';

test('the entry that was set longest ago makes room', () => {
  const map = new BoundedMap<string, number>(3);
  ['a', 'b', 'c'].forEach((key, index) => map.set(key, index));
  map.set('a', 9);
  map.set('d', 3);
  expect([...map.entries()]).toEqual([
    ['c', 2],
    ['a', 9],
    ['d', 3],
  ]);
});

test('what is kept on purpose stays, up to a quarter', () => {
  const map = new BoundedMap<number, boolean>(8, (isKept) => isKept);
  map.set(0, true);
  map.set(1, true);
  for (let key = 2; key < 100; key += 1) {
    map.set(key, false);
  }
  expect(map.size).toBe(8);
  expect([map.has(0), map.has(1)]).toEqual([true, true]);
});

test('all kept on purpose is none: the map stays within its bound', () => {
  const map = new BoundedMap<number, boolean>(8, () => true);
  for (let key = 0; key < 100; key += 1) {
    map.set(key, true);
  }
  expect(map.size).toBe(8);
  expect(map.has(99)).toBe(true);
});

test('counts different things within a window that ends now', () => {
  const recent = new RecentKeys(1000, 10);
  recent.add('a', 0);
  recent.add('b', 500);
  recent.add('a', 900);
  expect(recent.count(1000)).toBe(2);
  expect(recent.count(1500)).toBe(2);
  expect(recent.count(1501)).toBe(1);
  expect(recent.count(1901)).toBe(0);
});

test('hearing of something older changes nothing', () => {
  const recent = new RecentKeys(1000, 10);
  recent.add('a', 900);
  recent.add('a', 100);
  expect(recent.count(1500)).toBe(1);
});

test('keeps no more than its capacity', () => {
  const recent = new RecentKeys(1000, 5);
  Array.from({ length: 100 }, (_, index) => recent.add(`k${index}`, index));
  expect(recent.count(100)).toBe(5);
});
