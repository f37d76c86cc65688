import { describe, expect, test } from 'vitest';
import { climb, newHolds, newLadder, nextDueMs, type Sensitivity, type Standing, updateHolds } from './ladder.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Rungs reached when a score stands from time 0 on, asked at one moment after. */
function reachedAfter(ms: number, standing: Standing, sensitivity: Sensitivity = 'Balanced'): string {
  const holds = newHolds();
  updateHolds(holds, 0, sensitivity, () => standing);
  return updateHolds(holds, ms, sensitivity, () => standing);
}

describe('rungs of soft evidence', () => {
  test.each([
    [29.9, 2, 0, 'none'],
    [30, 1, 0, 'watch'],
    [49.9, 3, 10 * MINUTE, 'watch'],
    [50, 1, 0, 'alert'],
    [70, 1, 0, 'alert'],
    [70, 1, 60 * SECOND - 1, 'alert'],
    [70, 1, 60 * SECOND, 'restrict'],
    [80, 2, 30 * SECOND - 1, 'alert'],
    [80, 2, 30 * SECOND, 'quarantine'],
    [100, 1, 30 * SECOND, 'alert'],
    [100, 1, 60 * SECOND, 'restrict'],
  ])('score %f of %i classes for %i ms: %s', (score, classes, ms, action) => {
    expect(reachedAfter(ms, { score, classes, hard: false })).toBe(action);
  });
});

test('a hard hit waits for nothing and needs no second class', () => {
  expect(reachedAfter(0, { score: 90, classes: 1, hard: true })).toBe('quarantine');
  expect(reachedAfter(0, { score: 75, classes: 1, hard: true })).toBe('restrict');
});

test('a score that falls below the rung begins its hold anew', () => {
  const holds = newHolds();
  const at = (ms: number, score: number) =>
    updateHolds(holds, ms, 'Balanced', () => ({ score, classes: 2, hard: false }));
  at(0, 82);
  at(20 * SECOND, 79);
  expect(at(25 * SECOND, 82)).toBe('alert');
  expect(nextDueMs(holds, 25 * SECOND)).toBe(55 * SECOND);
  expect(at(54 * SECOND, 82)).toBe('alert');
  expect(at(55 * SECOND, 82)).toBe('quarantine');
});

test('nothing is due when no hold is running', () => {
  const holds = newHolds();
  updateHolds(holds, 0, 'Balanced', () => ({ score: 45, classes: 1, hard: false }));
  expect(nextDueMs(holds, 0)).toBe(Number.POSITIVE_INFINITY);
});

describe('sensitivity', () => {
  test.each([
    ['Strict', 40, 0, 'alert'],
    ['Strict', 60, 60 * SECOND, 'restrict'],
    ['Strict', 70, 30 * SECOND, 'quarantine'],
    ['Relaxed', 55, 0, 'watch'],
    ['Relaxed', 84, 60 * SECOND, 'restrict'],
    ['Relaxed', 90, 30 * SECOND, 'quarantine'],
  ] as const)('%s, score %i: %s after %i ms', (sensitivity, score, ms, action) => {
    expect(reachedAfter(ms, { score, classes: 2, hard: false }, sensitivity)).toBe(action);
  });

  test('does not let a hard hit pass', () => {
    expect(reachedAfter(0, { score: 90, classes: 1, hard: true }, 'Relaxed')).toBe('quarantine');
    expect(reachedAfter(0, { score: 80, classes: 1, hard: true }, 'Relaxed')).toBe('quarantine');
  });
});

describe('the highest rung', () => {
  test('is kept with the time it was reached first', () => {
    const ladder = newLadder();
    expect(climb(ladder, 1000, { reached: 'alert', score: 60 })).toBe(true);
    expect(climb(ladder, 2000, { reached: 'alert', score: 65 })).toBe(false);
    expect(climb(ladder, 3000, { reached: 'watch', score: 40 })).toBe(false);
    expect(ladder).toMatchObject({ highest: 'alert', raisedAtMs: 1000, current: 'alert' });
  });

  test('is news again after 15 minutes below 50, and keeps its first time', () => {
    const ladder = newLadder();
    climb(ladder, 0, { reached: 'alert', score: 60 });
    climb(ladder, MINUTE, { reached: 'watch', score: 40 });
    climb(ladder, 16 * MINUTE - 1, { reached: 'watch', score: 40 });
    expect(ladder.current).toBe('alert');
    climb(ladder, 16 * MINUTE, { reached: 'watch', score: 40 });
    expect(ladder.current).toBe('watch');
    expect(climb(ladder, 20 * MINUTE, { reached: 'alert', score: 60 })).toBe(true);
    expect(ladder).toMatchObject({ highest: 'alert', raisedAtMs: 0 });
  });

  test('is never stepped down from quarantine', () => {
    const ladder = newLadder();
    climb(ladder, 0, { reached: 'quarantine', score: 90 });
    climb(ladder, MINUTE, { reached: 'none', score: 5 });
    climb(ladder, 24 * 60 * MINUTE, { reached: 'none', score: 5 });
    expect(ladder.current).toBe('quarantine');
  });
});
