import { describe, expect, test } from 'vitest';
import {
  DECAY_MS,
  FRESH_MS,
  noisyOr,
  reaches,
  roundScore,
  SILENT_ALIVE_MS,
  scoreAt,
  severityOf,
  type Weighing,
  weightAt,
} from './score.ts';

function weighing(over: Partial<Weighing> = {}): Weighing {
  return { class: 'Denial', points: 60, timeMs: 0, decay: 'Denial', ...over };
}

describe('noisy-OR, worked out by hand', () => {
  test.each([
    ['nothing', [], 0],
    ['one reason', [0.45], 45],
    ['ssh to an address, open long: 1 − .55·.65', [0.45, 0.35], 64.25],
    ['five denied first contacts: 1 − .4·.6', [0.6, 0.4], 76],
    ['with keepalive: 1 − .55·.65·.75', [0.45, 0.35, 0.25], 73.1875],
    ['and pivots: 1 − .55·.65·.75·.6', [0.45, 0.35, 0.25, 0.4], 83.9125],
    ['walk, ports and denials: 1 − .4·.5·.6', [0.6, 0.5, 0.4], 88],
    ['denials, tunnel 65, scan 60: 1 − .6·.35·.4', [0.4, 0.65, 0.6], 91.6],
    ['certainty stays certain', [1, 0.2], 100],
  ])('%s', (_name, weights, score) => {
    expect(noisyOr(weights)).toBeCloseTo(score, 9);
  });
});

describe('evidence of one class', () => {
  test('only the strongest counts, however often it repeats', () => {
    const repeats = Array.from({ length: 10 }, () => weighing({ points: 40 }));
    const { score, classes } = scoreAt([...repeats, weighing({ points: 45 })], 0);
    expect(score).toBeCloseTo(45, 9);
    expect([...classes]).toEqual(['Denial']);
  });

  test('other classes add to it', () => {
    const { score, classes } = scoreAt([weighing({ points: 60 }), weighing({ class: 'Outcome', points: 40 })], 0);
    expect(score).toBeCloseTo(76, 9);
    expect(classes.size).toBe(2);
  });
});

describe('fading', () => {
  test.each([
    ['List', 24 * 3600],
    ['Denial', 30 * 60],
    ['Probing', 6 * 3600],
    ['Connection', 30 * 60],
  ] as const)('%s keeps 1/e of its weight after τ', (decay, seconds) => {
    expect(DECAY_MS[decay]).toBe(seconds * 1000);
    expect(weightAt(weighing({ decay }), FRESH_MS + DECAY_MS[decay])).toBeCloseTo(0.6 / Math.E, 12);
  });

  test('nothing fades for as long as the longest hold takes', () => {
    expect(weightAt(weighing(), FRESH_MS)).toBe(0.6);
    expect(weightAt(weighing(), FRESH_MS + 1)).toBeLessThan(0.6);
  });

  test('evidence about a connection does not fade while it lives', () => {
    const connection = { lastMs: 10 * 3_600_000, closedMs: 0 };
    const evidence = weighing({ decay: 'Connection', connection });
    expect(weightAt(evidence, connection.lastMs + SILENT_ALIVE_MS)).toBe(0.6);
    expect(weightAt(evidence, connection.lastMs + SILENT_ALIVE_MS + DECAY_MS.Connection)).toBeCloseTo(0.6 / Math.E, 12);
  });

  test('and fades from its close on', () => {
    const connection = { lastMs: 5000, closedMs: 5000 };
    const evidence = weighing({ decay: 'Connection', connection });
    expect(weightAt(evidence, 5000 + FRESH_MS + DECAY_MS.Connection)).toBeCloseTo(0.6 / Math.E, 12);
  });

  test('evidence that has faded to nothing is no class', () => {
    expect(scoreAt([weighing()], 24 * 3_600_000).classes.size).toBe(0);
  });

  test('points above 100 weigh no more than certainty', () => {
    expect(weightAt(weighing({ points: 250 }), 0)).toBe(1);
  });
});

test.each([
  [17.5, 18],
  [34.5, 34],
  [32.5, 32],
  [100 * (1 - 0.9 * 0.75), 32],
  [100 * (1 - (1 - 0.175)), 18],
  [64.25, 64],
  [83.9125, 84],
  [0, 0],
  [100, 100],
])('%f is shown as %i', (score, shown) => {
  expect(roundScore(score)).toBe(shown);
});

test.each([
  [29, 'Info'],
  [30, 'Low'],
  [49, 'Low'],
  [50, 'Medium'],
  [70, 'High'],
  [89, 'High'],
  [90, 'Critical'],
])('%i is %s', (score, severity) => {
  expect(severityOf(score)).toBe(severity);
});

test('a threshold is reached although binary fractions fall short of it', () => {
  expect(reaches(0.1 * 3 * 100, 30)).toBe(true);
  expect(reaches(100 * (1 - (1 - 0.3)), 30)).toBe(true);
  expect(reaches(29.999, 30)).toBe(false);
});
