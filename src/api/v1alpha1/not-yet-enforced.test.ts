import { describe, expect, test } from 'vitest';
import { sandboxSpec } from '../../../test/support/objects.ts';
import type { AgentSandboxSpec } from './agent-sandbox.ts';
import { notYetEnforcedFields } from './not-yet-enforced.ts';

const base = sandboxSpec();
const rule = { name: 'api', to: [{ cidr: '203.0.113.0/24' }], ports: [{ protocol: 'TCP' as const, port: 443 }] };

test('a sandbox of defaults relies on nothing that does not work', () => {
  expect(notYetEnforcedFields(base)).toEqual([]);
});

describe('is reported', () => {
  test.each<[string, Partial<AgentSandboxSpec>, string[]]>([
    [
      'a targetRef',
      { selector: { targetRef: { group: 'apps', kind: 'Deployment', name: 'a' } } },
      ['spec.selector.targetRef'],
    ],
    ['a budget', { admission: { ...base.admission, budget: { pods: '5' } } }, ['spec.admission.budget']],
    ['denied exec', { admission: { ...base.admission, exec: 'Denied' } }, ['spec.admission.exec']],
    ['a sensitivity', { detection: { ...base.detection, sensitivity: 'Strict' } }, ['spec.detection.sensitivity']],
    ['a response of Restrict', { response: { ...base.response, action: 'Restrict' } }, ['spec.response.action']],
    ['a response of Suspend', { response: { ...base.response, action: 'Suspend' } }, ['spec.response.action']],
    ['a response of Alert is not', { response: { ...base.response, action: 'Alert' } }, []],
    [
      'a detector that restricts',
      { detection: { ...base.detection, detectors: [{ name: 'ReverseTunnel', action: 'Restrict' }] } },
      ['spec.detection.detectors[ReverseTunnel].action'],
    ],
    [
      'a quarantine that ends by itself, a breaker and a radius',
      {
        response: {
          ...base.response,
          quarantine: { keepPod: true, ttl: '1h' },
          circuitBreaker: { incidents: 3, window: '1h' },
          blastRadius: { maxPods: 5, maxPercent: 20, window: '5m' },
        },
      },
      ['spec.response.blastRadius', 'spec.response.circuitBreaker', 'spec.response.quarantine.ttl'],
    ],
    [
      'HTTP and presets, by rule and peer',
      {
        egress: {
          ...base.egress,
          allow: [
            { ...rule, name: 'b', http: [{ method: 'GET' }] },
            { ...rule, name: 'a', to: [...rule.to, { preset: 'pypi' }] },
          ],
        },
      },
      ['spec.egress.allow[a].to[1].preset', 'spec.egress.allow[b].http'],
    ],
  ])('%s', (_what, over, fields) => {
    expect(notYetEnforcedFields(sandboxSpec(over))).toEqual(fields);
  });
});

test('no more than status can hold, and how many more there are', () => {
  const allow = Array.from({ length: 100 }, (_, index) => ({ ...rule, name: `r${index}`, http: [{}] }));
  const fields = notYetEnforcedFields(sandboxSpec({ egress: { ...base.egress, allow } }));
  expect(fields).toHaveLength(64);
  expect(fields.at(-1)).toBe('and 37 more');
});
