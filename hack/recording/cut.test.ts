/** Which lines of a capture belong to one scenario. */
import { expect, test } from 'vitest';
import { isInCut } from './cut.ts';

const cut = {
  pods: new Set(['rollout-1']),
  without: new Set(['rollout-9']),
  fromMs: Date.parse('2026-01-01T00:00:00Z'),
  toMs: Date.parse('2026-01-01T00:10:00Z'),
};
const line = (minute: number, flow?: object) =>
  JSON.stringify({ ...(flow ? { flow } : { lost_events: {} }), time: `2026-01-01T00:${minute}5:00Z` });
const from = (source: string, destination?: string) => ({
  source: { pod_name: source },
  destination: destination === undefined ? {} : { pod_name: destination },
});

test.each([
  ['sent by the pod', line(0, from('rollout-1')), true],
  ['sent to the pod', line(0, from('learner', 'rollout-1')), true],
  ['of other pods', line(0, from('learner', 'rollout-2')), false],
  ['from a pod of another scenario', line(0, from('rollout-9', 'rollout-1')), false],
  ['after the end', line(1, from('rollout-1')), false],
  ['a notice of lost events', line(0), true],
])('%s', (_name, text, expected) => {
  expect(isInCut(text, cut)).toBe(expected);
});
