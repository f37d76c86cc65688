import { expect, it } from 'vitest';
import { minorOf } from './kubectl.ts';

it.each([
  ['an upstream build', '{"clientVersion": {"major": "1", "minor": "35"}}', 35],
  ['a cloud vendor’s build', '{"clientVersion": {"major": "1", "minor": "34+"}}', 34],
  ['an answer without a version', '{}', undefined],
  ['an answer that is no JSON', 'error: unknown flag', undefined],
])('reads the minor version of %s', (_, json, minor) => {
  expect(minorOf(json)).toBe(minor);
});
