import { describe, expect, it } from 'vitest';
import type { JsonPatchOp } from '../api/admission-review.ts';
import { applyPatch, pointer, setFields } from './json-patch.ts';

describe('applyPatch', () => {
  // The examples of RFC 6902, appendix A, for the operations that exist here.
  it.each<[string, unknown, JsonPatchOp, unknown]>([
    ['A.1 adds a member', { foo: 'bar' }, { op: 'add', path: '/baz', value: 'qux' }, { foo: 'bar', baz: 'qux' }],
    [
      'A.2 adds an element',
      { foo: ['bar', 'baz'] },
      { op: 'add', path: '/foo/1', value: 'qux' },
      { foo: ['bar', 'qux', 'baz'] },
    ],
    ['A.3 removes a member', { baz: 'qux', foo: 'bar' }, { op: 'remove', path: '/baz' }, { foo: 'bar' }],
    [
      'A.4 removes an element',
      { foo: ['bar', 'qux', 'baz'] },
      { op: 'remove', path: '/foo/1' },
      { foo: ['bar', 'baz'] },
    ],
    [
      'A.5 replaces a value',
      { baz: 'qux', foo: 'bar' },
      { op: 'replace', path: '/baz', value: 'boo' },
      { baz: 'boo', foo: 'bar' },
    ],
    [
      'A.10 adds a nested member',
      { foo: 'bar' },
      { op: 'add', path: '/child', value: { grandchild: {} } },
      { foo: 'bar', child: { grandchild: {} } },
    ],
    [
      'A.14 unescapes ~01 to ~1',
      { '/': 9, '~1': 10 },
      { op: 'replace', path: '/~01', value: 11 },
      { '/': 9, '~1': 11 },
    ],
    [
      'A.16 adds to the end',
      { foo: ['bar'] },
      { op: 'add', path: '/foo/-', value: ['abc', 'def'] },
      { foo: ['bar', ['abc', 'def']] },
    ],
    [
      'replaces an element',
      { foo: ['bar', 'baz'] },
      { op: 'replace', path: '/foo/0', value: 'qux' },
      { foo: ['qux', 'baz'] },
    ],
  ])('%s', (_name, document, op, expected) => {
    const before = structuredClone(document);
    expect(applyPatch(document, [op])).toEqual(expected);
    expect(document).toEqual(before);
  });

  it.each<[string, JsonPatchOp]>([
    ['A.12 a parent that is not there', { op: 'add', path: '/baz/bat', value: 'qux' }],
    ['a member to remove', { op: 'remove', path: '/baz' }],
    ['an element beyond the end', { op: 'add', path: '/list/2', value: 'x' }],
    ['an element to remove at the end', { op: 'remove', path: '/list/1' }],
    ['an index that is no number', { op: 'replace', path: '/list/01', value: 'x' }],
  ])('throws for %s', (_name, op) => {
    expect(() => applyPatch({ foo: 'bar', list: ['a'] }, [op])).toThrow(/not there/);
  });
});

describe('setFields', () => {
  it.each<[string, object]>([
    ['nothing of the path is there', {}],
    ['half of it is there', { metadata: { name: 'x' } }],
    ['it is null', { metadata: { labels: null } }],
    ['all of it is there', { metadata: { labels: { app: 'x', 'bulkhead.dev/a~b': 'old' } } }],
  ])('sets fields when %s', (_name, document) => {
    const patch = setFields(document, ['metadata', 'labels'], { 'bulkhead.dev/a~b': 'new' });
    expect(applyPatch(document, patch)).toMatchObject({ metadata: { labels: { 'bulkhead.dev/a~b': 'new' } } });
  });
});

describe('pointer', () => {
  it('escapes what a pointer uses itself', () => {
    expect(pointer('metadata', 'labels', 'bulkhead.dev/a~b', 0)).toBe('/metadata/labels/bulkhead.dev~1a~0b/0');
  });
});
