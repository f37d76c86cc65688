import { describe, expect, it } from 'vitest';
import { finding } from '../../test/support/findings.ts';
import { sandboxSpec } from '../../test/support/objects.ts';
import type { AgentSandboxSpec } from '../api/v1alpha1/agent-sandbox.ts';
import type { Action } from '../detect/finding.ts';
import { decideResponse, isEscalation, newIncident, planIncidentSpec } from './incident.ts';

const POD = { name: 'rollout-0', uid: 'uid-rollout-0' };

function plan(action: Action, limits: Partial<AgentSandboxSpec> = {}) {
  return planIncidentSpec(finding({ action }), POD, sandboxSpec(limits));
}

const upTo = (action: AgentSandboxSpec['response']['action']) => ({
  response: { ...sandboxSpec().response, action },
});

describe('what is recorded', () => {
  it.each(['none', 'watch'] as const)('nothing, for a finding that reached %s', (action) => {
    expect(plan(action)).toBeUndefined();
  });

  it.each([
    ['alert', {}, 'Alert', undefined],
    ['restrict', {}, 'Alert', /Restrict is not carried out yet/],
    ['quarantine', {}, 'Quarantine', undefined],
    ['suspend', {}, 'Quarantine', undefined],
    ['quarantine', { mode: 'Observe' }, 'Alert', /would have quarantined/],
    ['quarantine', { mode: 'Lockdown' }, 'Quarantine', undefined],
    ['quarantine', upTo('Alert'), 'Alert', /response\.action is Alert/],
    ['quarantine', upTo('Restrict'), 'Alert', /response\.action is Restrict/],
    ['quarantine', upTo('Suspend'), 'Quarantine', undefined],
  ] as const)('%s under %j is answered by %s', (action, limits, response, reason) => {
    const spec = plan(action, limits);
    expect(spec?.response).toBe(response);
    if (reason === undefined) {
      expect(spec?.responseReason).toBeUndefined();
    } else {
      expect(spec?.responseReason).toMatch(reason);
    }
  });

  it('never cuts a pod whose sandbox is gone', () => {
    expect(decideResponse('Quarantine', undefined).response).toBe('Alert');
  });

  it('cuts text that is too long for the record instead of losing the record', () => {
    const spec = planIncidentSpec(finding({ explanation: 'x'.repeat(9000) }), POD, sandboxSpec());
    expect(spec?.explanation).toHaveLength(2048);
  });
});

describe('the name of a record', () => {
  const nameWith = (...existing: string[]) => {
    const spec = plan('quarantine');
    return spec && newIncident('agents', spec, (name) => existing.includes(name)).metadata.name;
  };
  const first = nameWith() ?? '';

  it('is the same for the same finding, so that writing it twice is harmless', () => {
    expect(first).toMatch(/^reverse-tunnel-[0-9a-f]{10}$/);
    expect(nameWith()).toBe(first);
  });

  it('is the next free one while earlier records of it exist, whichever of them were deleted', () => {
    expect(nameWith(first)).toBe(`${first}-2`);
    expect(nameWith(`${first}-2`)).toBe(first);
    expect(nameWith(first, `${first}-2`)).toBe(`${first}-3`);
  });
});

describe('a stored record is raised', () => {
  it.each([
    ['alert', 'quarantine', true],
    ['quarantine', 'alert', false],
    ['quarantine', 'quarantine', false],
    ['alert', 'restrict', true],
  ] as const)('from %s to %s: %s', (before, after, raised) => {
    const [stored, next] = [plan(before), plan(after)];
    expect(stored && next && isEscalation(stored, next)).toBe(raised);
  });

  it('when the sandbox has left Observe since', () => {
    const [stored, next] = [plan('quarantine', { mode: 'Observe' }), plan('quarantine')];
    expect(stored && next && isEscalation(stored, next)).toBe(true);
  });
});
