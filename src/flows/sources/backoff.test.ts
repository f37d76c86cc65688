import { expect, it } from 'vitest';
import { backoffMs } from './backoff.ts';

const OPTIONS = { minMs: 1_000, maxMs: 30_000 };

it.each([
  ['the first failure', 1, 0, 1_000],
  ['the second', 2, 0, 2_000],
  ['the fifth', 5, 0, 16_000],
  ['the sixth, which would be 32 s', 6, 0, 30_000],
  ['the millionth', 1_000_000, 0, 30_000],
  ['the first, with half the jitter', 1, 0.5, 1_100],
  ['the sixth, with half the jitter', 6, 0.5, 33_000],
])('after %s', (_, failures, random, expected) => {
  expect(backoffMs(failures, random, OPTIONS)).toBe(expected);
});
