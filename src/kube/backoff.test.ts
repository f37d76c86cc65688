import { describe, expect, it } from 'vitest';
import { createBackoff } from './backoff.ts';

describe('the backoff of watches', () => {
  it('waits 0.2, 1, 5 and then always 30 seconds', () => {
    const backoff = createBackoff(() => 0.5);
    expect([1, 2, 3, 4, 5].map(() => backoff.next())).toEqual([200, 1000, 5000, 30_000, 30_000]);
  });

  it('begins anew when things work', () => {
    const backoff = createBackoff(() => 0.5);
    backoff.next();
    backoff.next();
    backoff.reset();
    expect(backoff.next()).toBe(200);
  });

  it.each([
    [0, 160, 10_000],
    [1, 240, 11_000],
  ])('spreads by chance %d', (chance, first, asked) => {
    const backoff = createBackoff(() => chance);
    expect(backoff.next()).toBeCloseTo(first);
    backoff.reset();
    expect(backoff.next(10_000)).toBeCloseTo(asked);
  });
});
