import { describe, expect, it } from 'vitest';
import { createResumePoint } from './resume-point.ts';

const NOW = 1_000_000;

describe('a stream is taken up again', () => {
  it.each([
    ['nowhere, when nothing was seen', [], undefined],
    [
      'five seconds before the newest flow',
      [
        ['a', 900_000],
        ['a', 950_000],
      ],
      945_000,
    ],
    [
      'before the newest, when an older one came after it',
      [
        ['a', 950_000],
        ['a', 940_000],
      ],
      945_000,
    ],
    [
      'before the newest flow of the slowest node',
      [
        ['a', 950_000],
        ['b', 920_000],
      ],
      915_000,
    ],
    [
      'without waiting for a node that is silent for longer than a minute',
      [
        ['a', 950_000],
        ['b', 880_000],
      ],
      945_000,
    ],
    ['not after now, when the only clock runs ahead', [['a', 9_000_000]], 995_000],
    [
      'before the others, when one clock runs ahead',
      [
        ['ahead', 9_000_000],
        ['a', 970_000],
      ],
      965_000,
    ],
  ] as const)('%s', (_, flows, expected) => {
    const resume = createResumePoint();
    for (const [node, timeMs] of flows) {
      resume.observe(node, timeMs);
    }
    expect(resume.sinceMs(NOW)).toBe(expected);
  });

  it('from the past of a recording, which has no relation to now', () => {
    const resume = createResumePoint();
    resume.observe('a', 10_000);
    resume.observe('b', 9_000);
    expect(resume.sinceMs(NOW)).toBe(4_000);
  });
});

it('knows the newest flow of each node', () => {
  const resume = createResumePoint();
  resume.observe('a', 5);
  resume.observe('a', 3);
  expect([resume.newestMs('a'), resume.newestMs('b')]).toEqual([5, undefined]);
});
