import { describe, expect, test } from 'vitest';
import { askableNames } from './dns.ts';
import type { Egress } from './egress.ts';

const nothing: Egress = { permits: [], namePermits: [], networks: [], excepts: [], pods: [], services: [], gaps: [] };
const dns = { resolvers: [], names: [] };
const elsewhere = { resolvers: [{ address: '9.9.9.9' }], names: [] };

function names(egress: Partial<Egress>, settings: Parameters<typeof askableNames>[0] = dns): readonly string[] {
  return askableNames(settings, { ...nothing, ...egress }, 'agents');
}

describe('names that may be asked for', () => {
  test('with none there is one that cannot exist, because an empty list would mean every name', () => {
    expect(names({})).toEqual(['bulkhead.invalid']);
  });

  test('an allowed name, also with the search list behind it that resolv.conf makes programs try first', () => {
    const ports = [{ protocol: 'TCP' as const, from: 443, to: 443 }] as const;
    expect(names({ namePermits: [{ fqdns: ['api.example.com'], ports }] })).toEqual([
      'api.example.com',
      'api.example.com.agents.svc.cluster.local',
      'api.example.com.cluster.local',
      'api.example.com.svc.cluster.local',
    ]);
  });

  test('a listed wildcard stays within one label', () => {
    expect(names({}, { ...dns, names: ['*.example.com'] })).toContain('*.example.com');
  });

  test('an allowed Service, however a program writes its name', () => {
    const askable = names({ services: ['model.inference'] });
    expect(askable).toContain('model.inference.svc.cluster.local');
    // Written model.inference: these two are tried, the second one answers.
    expect(askable).toContain('model.inference.agents.svc.cluster.local');
    expect(askable).not.toContain('model.inference');
    expect(askable.every((name) => name.endsWith('.cluster.local'))).toBe(true);
  });

  test.each([
    ['pods of the own namespace', { podSelector: {} }, '*.agents.svc.cluster.local'],
    [
      'pods of a namespace by name',
      { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ml' } } },
      '*.ml.svc.cluster.local',
    ],
    [
      'pods of several namespaces by name',
      {
        namespaceSelector: {
          matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In' as const, values: ['ml', 'db'] }],
        },
      },
      '*.db.svc.cluster.local',
    ],
  ])('%s: the Services of that namespace', (_what, peer, name) => {
    expect(names({ pods: [peer] })).toContain(name);
  });

  test.each([
    ['every namespace', { namespaceSelector: {} }],
    ['namespaces by another label', { namespaceSelector: { matchLabels: { team: 'ml' } } }],
    [
      'all namespaces but one',
      {
        namespaceSelector: {
          matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn' as const, values: ['ml'] }],
        },
      },
    ],
  ])('pods of %s: none, since they could be anywhere', (_what, peer) => {
    expect(names({ pods: [peer] })).toEqual(['bulkhead.invalid']);
  });

  test('with other resolvers nothing of the cluster is derived: a wildcard could carry data out to them', () => {
    const egress = { services: ['model.inference'], pods: [{ podSelector: {} }] };
    expect(names(egress, elsewhere)).toEqual(['bulkhead.invalid']);
    expect(names(egress, { ...elsewhere, names: ['example.com'] })).toEqual(['example.com']);
  });

  test('a name that the search list makes too long for DNS is left out', () => {
    const long = `${'a'.repeat(60)}.`.repeat(4) + 'example';
    expect(names({}, { ...dns, names: [long] })).toEqual([long]);
  });
});
