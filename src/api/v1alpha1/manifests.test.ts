import { describe, expect, it } from 'vitest';
import { parseKubeObjects } from './manifests.ts';
import { formatProblem } from './problem.ts';
import { MAX_TEXT } from './text-documents.ts';

const POD = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n';
const pod = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name } });
const read = (text: string) => parseKubeObjects(text, 'f.yaml');
const objects = (text: string) => read(text).documents.map(({ object }) => object);
const complaints = (text: string) => read(text).problems.map(formatProblem);

describe('parseKubeObjects reads', () => {
  it.each<[string, string, object[]]>([
    ['one document', POD, [pod('a')]],
    [
      'several documents, and passes over empty ones',
      `---\n---\n# nothing\n---\n${POD}---\n${POD}`,
      [pod('a'), pod('a')],
    ],
    ['nothing', '', []],
    ['comments alone', '# nothing\n', []],
    ['JSON', JSON.stringify(pod('a')), [pod('a')]],
    ['JSON after a byte order mark', `\uFEFF${JSON.stringify(pod('a'))}`, [pod('a')]],
    ['YAML in flow style', '{apiVersion: v1, kind: Pod, metadata: {name: a}}', [pod('a')]],
    ['a List', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [pod('a'), pod('b')] }), [pod('a'), pod('b')]],
    [
      'a typed list, whose items do not repeat their kind',
      JSON.stringify({ apiVersion: 'v1', kind: 'PodList', items: [{ metadata: { name: 'a' } }] }),
      [pod('a')],
    ],
    ['an empty list', 'apiVersion: v1\nkind: List\nmetadata: {}\nitems: []\n', []],
    ['an empty list as Go writes it', '{"apiVersion": "v1", "kind": "PodList", "items": null}', []],
    [
      'anchors and merge keys',
      'apiVersion: &v v1\nkind: Pod\nmetadata: {<<: {name: a}}\nx: *v\n',
      [{ ...pod('a'), x: 'v1' }],
    ],
    [
      'a generated name by its prefix',
      'apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\n',
      [{ ...pod('a-'), metadata: { generateName: 'a-', name: 'a-' } }],
    ],
    [
      'words and numbers as kubectl does',
      `${POD}x: [yes, off, 0777, 1_000, 1:30, 2026-01-31, "yes", 1e3]\n`,
      [{ ...pod('a'), x: [true, false, 511, 1000, '1:30', '2026-01-31', 'yes', 1000] }],
    ],
    ['keys as text', `${POD}x: {on: 1, 8080: 2}\n`, [{ ...pod('a'), x: { on: 1, 8080: 2 } }]],
  ])('%s', (_name, text, expected) => {
    expect(complaints(text)).toEqual([]);
    expect(objects(text)).toEqual(expected);
  });

  it('a document beside one that it cannot read', () => {
    const text = `a: [\n---\n${POD}`;
    expect(objects(text)).toEqual([pod('a')]);
    expect(complaints(text)).not.toEqual([]);
  });

  it('where every object and field came from', () => {
    const [first, second] = read(
      `# a\n${POD}---\nkind: List\napiVersion: v1\nitems:\n- ${POD.replaceAll('\n', '\n  ')}\n`,
    ).documents;
    expect(first).toMatchObject({ file: 'f.yaml', index: 0, line: 2 });
    expect(first?.lineOf?.(['metadata', 'name'])).toBe(4);
    expect(first?.lineOf?.(['metadata', 'labels', 'x'])).toBe(4);
    expect(second).toMatchObject({ index: 1, item: 0, line: 9 });
    expect(second?.lineOf?.(['kind'])).toBe(10);
  });
});

const bomb = Array.from(
  { length: 9 },
  (_, level) =>
    `a${level}: &a${level} [${Array(10)
      .fill(level === 0 ? 'x' : `*a${level - 1}`)
      .join(',')}]`,
).join('\n');

describe('parseKubeObjects refuses', () => {
  it.each<[string, string, string]>([
    [
      'a tab as indentation',
      'a:\n\t- b\n',
      'f.yaml:2: is not YAML that can be trusted: Tabs are not allowed as indentation; indent with spaces',
    ],
    [
      'a key given twice',
      'a: 1\nb: 2\na: 3\n',
      'f.yaml:3: is not YAML that can be trusted: Map keys must be unique; keep one of them',
    ],
    [
      'a key given twice in JSON',
      '{"a": [{"b": 1}, {"c": {}, "b": 2, "\\u0062": "}"}]}',
      'f.yaml: a[1].b: is there twice',
    ],
    [
      'a list as key',
      '? [x]\n: y\n',
      'f.yaml:1: is not YAML that can be trusted: With stringKeys, all keys must be strings; use plain names as keys',
    ],
    [
      'a tag',
      'a: !!python/object x\n',
      'f.yaml:1: is not YAML that can be trusted: Unresolved tag: tag:yaml.org,2002:python/object; leave out the tag',
    ],
    [
      'an alias to nothing',
      'a: *b\n',
      'f.yaml:1: cannot be read: Unresolved alias (the anchor must be set before the alias): b',
    ],
    [
      'aliases that multiply',
      bomb,
      'f.yaml:1: cannot be read: Excessive alias count indicates a resource exhaustion attack',
    ],
    ['a value that holds itself', 'a: &a [*a]\n', 'f.yaml:1: is nested deeper than 64 levels, or holds itself'],
    [
      'deep nesting',
      `${'['.repeat(5000)}${']'.repeat(5000)}`,
      'f.yaml: is nested deeper than 64 levels, or holds itself',
    ],
    ['bytes', 'a\0b', 'f.yaml: is not text: it holds a NUL byte'],
    ['more than 10 MiB', ' '.repeat(MAX_TEXT + 1), 'f.yaml: is larger than 10 MiB; split the file'],
    [
      'more than 10 000 documents',
      '---\na\n'.repeat(10_001),
      'f.yaml: holds 10001 documents, at most 10000 are read; split the file',
    ],
    [
      'text that is no mapping',
      'hello\n',
      'f.yaml:1: "hello": must be a Kubernetes object: a mapping with apiVersion, kind and metadata',
    ],
    [
      'no kind',
      'apiVersion: v1\nmetadata: {name: a}\n',
      'f.yaml:1: kind: is required: every Kubernetes object names its apiVersion and kind',
    ],
    ['no name', 'apiVersion: v1\nkind: Pod\nmetadata: {labels: {}}\n', 'f.yaml:3: metadata.name: is required'],
    [
      'metadata that is text',
      'apiVersion: v1\nkind: Pod\nmetadata: a\n',
      'f.yaml:3: metadata: "a": is required: every Kubernetes object has metadata with a name',
    ],
    ['a list of nothing', 'apiVersion: v1\nkind: List\nitems: 1\n', 'f.yaml:3: items: 1: must be a list'],
    [
      'an item that is nothing',
      '{"apiVersion": "v1", "kind": "List", "items": [1]}',
      'f.yaml (item 1): 1: must be a Kubernetes object: a mapping with apiVersion, kind and metadata',
    ],
  ])('%s', (_name, text, message) => {
    expect(objects(text)).toEqual([]);
    expect(complaints(text)[0]).toBe(message);
  });

  it('and shows standard input by its name', () => {
    expect(parseKubeObjects('a: [', '-').problems[0]?.file).toBe('standard input');
  });
});
