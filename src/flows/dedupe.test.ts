import { describe, expect, it } from 'vitest';
import { createDedupe } from './dedupe.ts';

describe('a uuid', () => {
  it('is new once', () => {
    const dedupe = createDedupe(10);
    expect([dedupe.isDuplicate('a'), dedupe.isDuplicate('b'), dedupe.isDuplicate('a')]).toEqual([false, false, true]);
  });

  it('that is empty is never known', () => {
    const dedupe = createDedupe(10);
    expect([dedupe.isDuplicate(''), dedupe.isDuplicate('')]).toEqual([false, false]);
    expect(dedupe.size()).toBe(0);
  });

  it('is known for as many others as the capacity says', () => {
    for (const capacity of [1, 2, 10, 1_000]) {
      const dedupe = createDedupe(capacity);
      dedupe.isDuplicate('first');
      for (let other = 1; other < capacity; other += 1) {
        dedupe.isDuplicate(`other ${other}`);
      }
      expect(dedupe.isDuplicate('first')).toBe(true);
    }
  });

  it('that keeps coming back stays known', () => {
    const dedupe = createDedupe(4);
    dedupe.isDuplicate('again');
    for (let other = 0; other < 100; other += 1) {
      dedupe.isDuplicate(`other ${other}`);
      expect(dedupe.isDuplicate('again')).toBe(true);
    }
  });
});

it('memory stays bounded', () => {
  const dedupe = createDedupe(100);
  for (let index = 0; index < 10_000; index += 1) {
    dedupe.isDuplicate(`uuid ${index}`);
    expect(dedupe.size()).toBeLessThanOrEqual(202);
  }
});
