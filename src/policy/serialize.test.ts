import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { toJson, toYaml } from './serialize.ts';

const object = (spec: Record<string, unknown>) => ({
  spec,
  metadata: { namespace: 'agents', name: 'rome', labels: { b: '2', a: '1' } },
  kind: 'NetworkPolicy',
  apiVersion: 'networking.k8s.io/v1',
});

test('keys come in one order, those first that say what the object is', () => {
  expect(toYaml([object({ z: 1, a: 2 })])).toBe(
    [
      'apiVersion: networking.k8s.io/v1',
      'kind: NetworkPolicy',
      'metadata:',
      '  name: rome',
      '  namespace: agents',
      '  labels:',
      '    a: "1"',
      '    b: "2"',
      'spec:',
      '  a: 2',
      '  z: 1',
      '',
    ].join('\n'),
  );
});

test('lists keep their order', () => {
  expect(parse(toYaml([object({ list: ['b', 'a'] })])).spec.list).toEqual(['b', 'a']);
});

test('several objects are several documents, none is no text', () => {
  expect(parseAllDocuments(toYaml([object({ a: 1 }), object({ a: 2 })]))).toHaveLength(2);
  expect(toYaml([])).toBe('');
});

test('the same list twice is written out twice, without an anchor', () => {
  const ports = [{ port: 53 }];
  expect(toYaml([object({ one: ports, two: ports })])).not.toMatch(/[&*]a1/);
});

describe('text that a YAML 1.1 reader would take for something else stays text', () => {
  test.each([
    'on',
    'no',
    'y',
    'null',
    '~',
    '1e3',
    '0777',
    '0o17',
    '0x1f',
    '1_000',
    '12:30:45',
    '2026-11-22',
    '.5',
    'true',
    '=',
    '<<',
    '',
  ])('%j', (text) => {
    const yaml = toYaml([object({ label: text, [text === '<<' ? 'merge' : text]: 'key' })]);
    for (const version of ['1.1', '1.2'] as const) {
      const read = parse(yaml, { version }) as { spec: Record<string, unknown> };
      expect(read.spec['label']).toBe(text);
      expect(Object.keys(read.spec)).toContain(text === '<<' ? 'merge' : text);
    }
  });
});

test('a long text is not folded', () => {
  const text = 'word '.repeat(100).trim();
  expect(
    toYaml([object({ text })])
      .split('\n')
      .some((line) => line.includes(text)),
  ).toBe(true);
});

test('JSON is one List', () => {
  const list = JSON.parse(toJson([object({ a: 1 })]));
  expect(list).toEqual({ apiVersion: 'v1', kind: 'List', items: [object({ a: 1 })] });
  expect(JSON.parse(toJson([])).items).toEqual([]);
});
