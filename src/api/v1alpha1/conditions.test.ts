import { describe, expect, it } from 'vitest';
import { setCondition } from './conditions.ts';
import type { Condition } from './types.ts';

const READY: Condition = {
  type: 'Ready',
  status: 'True',
  reason: 'Reconciled',
  message: 'ok',
  lastTransitionTime: '2026-01-01T00:00:00Z',
  observedGeneration: 1,
};
const LATER = new Date('2026-01-02T03:04:05.678Z');

describe('setCondition', () => {
  it.each<[string, Condition[], Partial<Condition>, string]>([
    ['a new condition gets the time, in whole seconds', [], {}, '2026-01-02T03:04:05Z'],
    ['the same status keeps its time', [READY], { message: 'still ok', observedGeneration: 2 }, '2026-01-01T00:00:00Z'],
    ['another reason keeps its time', [READY], { reason: 'Other' }, '2026-01-01T00:00:00Z'],
    ['another status takes the new time', [READY], { status: 'False' }, '2026-01-02T03:04:05Z'],
  ])('%s', (_name, list, change, time) => {
    const { lastTransitionTime: _, ...update } = { ...READY, ...change };
    expect(setCondition(list, update, LATER)).toEqual([{ ...update, lastTransitionTime: time }]);
  });

  it('leaves the given list and the other conditions alone', () => {
    const other: Condition = { ...READY, type: 'Tripped' };
    const list = [READY, other];
    const { lastTransitionTime: _, ...update } = READY;
    const result = setCondition(list, { ...update, status: 'False' }, LATER);
    expect(list).toEqual([READY, other]);
    expect(result.map((condition) => condition.type)).toEqual(['Ready', 'Tripped']);
    expect(result[1]).toEqual(other);
  });

  it('drops an old observedGeneration that the update does not repeat', () => {
    const { lastTransitionTime: _, observedGeneration: __, ...update } = READY;
    expect(setCondition([READY], update, LATER)[0]).not.toHaveProperty('observedGeneration');
  });

  it('cuts a message to what the API server stores', () => {
    const { lastTransitionTime: _, ...update } = READY;
    expect(setCondition([], { ...update, message: 'x'.repeat(40_000) }, LATER)[0]?.message).toHaveLength(32_768);
  });
});
