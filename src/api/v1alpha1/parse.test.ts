import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSandbox } from './parse.ts';
import { formatProblem } from './problem.ts';

const minimal = {
  apiVersion: 'bulkhead.dev/v1alpha1',
  kind: 'AgentSandbox',
  metadata: { name: 'agents', namespace: 'rl' },
  spec: { selector: { podSelector: { matchLabels: { app: 'agent' } } } },
};

const withSpec = (spec: object) => ({ ...minimal, spec: { ...minimal.spec, ...spec } });
const complaints = (object: unknown) => parseSandbox(object).problems?.map(formatProblem) ?? [];

describe('parseSandbox', () => {
  it('fills in every default, also below objects that are left out', () => {
    expect(parseSandbox(minimal).sandbox).toEqual({
      ...minimal,
      spec: {
        ...minimal.spec,
        mode: 'Enforce',
        egress: { allow: [], dns: { resolvers: [], names: [] } },
        ingress: { allow: [] },
        admission: {
          podSecurity: 'Restricted',
          runtimeClassNames: [],
          images: { allowed: [], requireDigest: false },
          serviceAccountToken: 'Denied',
          secrets: { allowed: [] },
          requireLimits: true,
          exec: 'Allowed',
          exemptions: [],
        },
        detection: { sensitivity: 'Balanced', detectors: [], exemptions: [] },
        response: { action: 'Quarantine', quarantine: { keepPod: true }, release: { approvals: 1, cooldown: '0s' } },
      },
    });
  });

  it('fills in defaults inside lists', () => {
    const { sandbox } = parseSandbox(
      withSpec({ egress: { allow: [{ name: 'web', to: [{ fqdn: 'example.com' }], ports: [{ port: 443 }] }] } }),
    );
    expect(sandbox?.spec.egress.allow[0]?.ports).toEqual([{ protocol: 'TCP', port: 443 }]);
  });

  it('leaves the given object as it was', () => {
    const given = structuredClone(minimal);
    parseSandbox(given);
    expect(given).toEqual(minimal);
  });

  it.each<[string, unknown, string]>([
    ['a list', [], '[]: must be an object'],
    ['another kind', { ...minimal, kind: 'Pod' }, 'kind: "Pod": must be AgentSandbox'],
    [
      'a later version',
      { ...minimal, apiVersion: 'bulkhead.dev/v2' },
      'apiVersion: "bulkhead.dev/v2": must be bulkhead.dev/v1alpha1',
    ],
    ['no metadata', { ...minimal, metadata: undefined }, 'metadata: is required'],
    ['a mistyped field', withSpec({ egres: {} }), 'spec.egres: unknown field; did you mean egress?'],
    ['a field of nothing known', withSpec({ firewall: {} }), 'spec.firewall: unknown field'],
    [
      'a mistyped word',
      withSpec({ mode: 'enforce' }),
      'spec.mode: "enforce": must be one of Observe, Enforce, Lockdown; did you mean Enforce?',
    ],
    ['a number where text belongs', withSpec({ mode: 1 }), 'spec.mode: 1: must be text, so it needs quotes'],
    [
      'port 0',
      withSpec({ egress: { allow: [{ name: 'a', to: [{ fqdn: 'a.example' }], ports: [{ port: 0 }] }] } }),
      'spec.egress.allow[0].ports[0].port: 0: must be at least 1',
    ],
    [
      'a port in quotes',
      withSpec({ egress: { allow: [{ name: 'a', to: [{ fqdn: 'a.example' }], ports: [{ port: '1' }] }] } }),
      'spec.egress.allow[0].ports[0].port: "1": must be a number, so take the quotes away',
    ],
    [
      'a field that is missing',
      withSpec({ selector: { targetRef: { group: 'batch', kind: 'Job' } } }),
      'spec.selector.targetRef.name: is required; Name of the owner, in the namespace of the sandbox.',
    ],
    [
      'a list that is too long',
      withSpec({ egress: { allow: Array.from({ length: 10_000 }, () => null) } }),
      'spec.egress.allow: has 10000 items, at most 128 allowed',
    ],
    [
      'a label key that could not be one',
      withSpec({ selector: { podSelector: { matchLabels: { 'a\u001b[2J': 1 } } } }),
      'spec.selector.podSelector.matchLabels[a\\u{1b}[2J]: 1: must be text, so it needs quotes',
    ],
    [
      'a terminal escape as value',
      withSpec({ mode: '\u001b[31mEnforce' }),
      'spec.mode: "\\u{1b}[31mEnforce": must be one of Observe, Enforce, Lockdown',
    ],
    [
      'a very long value',
      withSpec({ mode: 'x'.repeat(1000) }),
      `spec.mode: "${'x'.repeat(78)}…: must be one of Observe, Enforce, Lockdown`,
    ],
  ])('says what is wrong with %s', (_name, object, message) => {
    expect(complaints(object)).toContain(message);
  });

  it('names the file, the document and the line, and the item of a list', () => {
    const source = { file: 'a\u001b.yaml', index: 1, item: 2, line: 4, lineOf: () => 7 };
    expect(parseSandbox(withSpec({ mode: 'x' }), source).problems?.map(formatProblem)).toEqual([
      'a\\u{1b}.yaml:7 (document 2, item 3): spec.mode: "x": must be one of Observe, Enforce, Lockdown',
    ]);
  });

  it('takes no field from the names every JavaScript object has', () => {
    const tricky = JSON.parse('{"__proto__": {"mode": "Observe"}, "constructor": 1}') as object;
    expect(
      complaints({ ...minimal, spec: Object.assign(Object.create(null), minimal.spec, { constructor: 1 }) }),
    ).toEqual(['spec.constructor: unknown field']);
    expect(
      complaints({
        ...minimal,
        spec: Object.fromEntries([...Object.entries(minimal.spec), ...Object.entries(tricky)]),
      }),
    ).toContain('spec.__proto__: unknown field');
  });

  it('names at most fifty mistakes', () => {
    const fields = Object.fromEntries(Array.from({ length: 200 }, (_, position) => [`unknown${position}`, 1]));
    expect(complaints(withSpec(fields))).toHaveLength(50);
  });

  it('keeps a status that it knows and drops one that it does not', () => {
    const status = { pods: { matched: 1, enforced: 1, quarantined: 0, unenforceable: 0 } };
    expect(parseSandbox({ ...minimal, status }).sandbox?.status).toEqual(status);
    expect(parseSandbox({ ...minimal, status: { ...status, later: 1 } }).sandbox).not.toHaveProperty('status');
  });

  it('takes what kubectl get prints', () => {
    const metadata = {
      ...minimal.metadata,
      uid: '1',
      generation: 1,
      resourceVersion: '5',
      creationTimestamp: '2026-01-01T00:00:00Z',
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}\n' },
      managedFields: [{ manager: 'kubectl' }],
    };
    const { managedFields: _, ...kept } = metadata;
    expect(parseSandbox({ ...minimal, metadata }).sandbox?.metadata).toEqual(kept);
  });

  it('never throws, and gives back what it accepts unchanged the second time', () => {
    const field = fc.constantFrom(
      'apiVersion',
      'kind',
      'metadata',
      'spec',
      'name',
      'selector',
      'podSelector',
      'egress',
      'allow',
      'x',
    );
    const leaf = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom('bulkhead.dev/v1alpha1', 'AgentSandbox', 'x', minimal.spec, minimal.metadata),
    );
    const tree = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof({ depthSize: 'small' }, leaf, fc.dictionary(field, tie('node')), fc.array(tie('node'))),
    })).node;
    fc.assert(
      fc.property(
        fc.oneof(
          tree,
          fc.record({ spec: tree, metadata: tree }).map((parts) => ({ ...minimal, ...parts })),
        ),
        (object) => {
          const { sandbox } = parseSandbox(object);
          expect(sandbox === undefined ? undefined : parseSandbox(sandbox).sandbox).toEqual(sandbox);
        },
      ),
    );
  });
});
