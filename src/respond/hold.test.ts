import { describe, expect, it } from 'vitest';
import { incident } from '../../test/support/objects.ts';
import { APPROVED, holdsPod, parseDuration, RAISED, releaseState } from './hold.ts';

const NOW = new Date('2026-11-22T10:00:00Z');
const at = (time: string, approver?: string) => ({
  ...(approver === undefined ? {} : { approver }),
  time,
  reason: 'why',
});

describe('a pod is held', () => {
  it.each([
    ['by a quarantine nobody has closed', 'Quarantine', 'Contained', true],
    ['by one that has not begun', 'Quarantine', undefined, true],
    ['by one that failed', 'Quarantine', 'ContainmentFailed', true],
    ['not after its release', 'Quarantine', 'Released', false],
    ['not by an alert', 'Alert', 'Open', false],
  ] as const)('%s', (_name, response, phase, held) => {
    const record = { ...incident('i', { response }), ...(phase === undefined ? {} : { status: { phase } }) };
    expect(holdsPod(record)).toBe(held);
  });
});

describe('a release is due', () => {
  const one = { approvals: 1, cooldown: '0s' };
  it.each([
    ['not without approval', [], one, 'Waiting'],
    ['with the approval asked for', [at('2026-11-22T09:00:00Z', 'sam')], one, 'Due'],
    ['not for an approval without an authenticated name', [at('2026-11-22T09:00:00Z')], one, 'Waiting'],
    ['for an approval without a usable time: what counts is when it was seen', [at('yesterday', 'sam')], one, 'Due'],
    [
      'not when one person approved twice',
      [at('2026-11-22T09:00:00Z', 'sam'), at('2026-11-22T09:01:00Z', 'sam')],
      { approvals: 2, cooldown: '0s' },
      'Waiting',
    ],
  ] as const)('%s', (_name, approvals, terms, state) => {
    expect(releaseState({ approvals: [...approvals] }, terms, NOW).state).toBe(state);
  });

  const seen = (actor: string, time: string) => ({ actor, time, message: `${APPROVED}looked at it` });
  it.each([
    ['not within the cool-down', '2026-11-22T09:59:00Z', 'CoolingDown'],
    ['after the cool-down', '2026-11-22T09:58:00Z', 'Due'],
  ] as const)('%s', (_name, seenAt, state) => {
    const status = { approvals: [at(seenAt, 'sam')], timeline: [seen('sam', seenAt)] };
    expect(releaseState(status, { approvals: 1, cooldown: '2m' }, NOW).state).toBe(state);
  });

  it('counts the cool-down from when the approval was first seen, not from the time somebody wrote into it', () => {
    const status = { approvals: [at('2020-01-01T00:00:00Z', 'sam')] };
    expect(releaseState(status, { approvals: 1, cooldown: '1m' }, NOW)).toEqual({
      state: 'CoolingDown',
      until: new Date('2026-11-22T10:01:00Z'),
    });
  });

  it('counts an approval that was seen before the finding climbed the ladder as new', () => {
    const raised = { actor: 'bulkhead', time: '2026-11-22T09:30:00Z', message: `${RAISED}Quarantine` };
    const status = {
      approvals: [at('2026-11-22T09:00:00Z', 'sam')],
      timeline: [seen('sam', '2026-11-22T09:00:00Z'), raised],
    };
    expect(releaseState(status, { approvals: 1, cooldown: '1m' }, NOW).state).toBe('CoolingDown');
  });

  it('counts the cool-down from the approval that completed the number', () => {
    const status = {
      approvals: [at('2026-11-22T09:00:00Z', 'sam'), at('2026-11-22T09:59:30Z', 'kim')],
      timeline: [seen('sam', '2026-11-22T09:00:00Z'), seen('kim', '2026-11-22T09:59:30Z')],
    };
    expect(releaseState(status, { approvals: 2, cooldown: '1m' }, NOW)).toEqual({
      state: 'CoolingDown',
      until: new Date('2026-11-22T10:00:30Z'),
    });
  });
});

it.each([
  ['0s', 0],
  ['90s', 90_000],
  ['1h30m', 5_400_000],
  ['2d', 172_800_000],
])('reads the duration %s', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});
