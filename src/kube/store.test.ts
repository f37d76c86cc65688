import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../api/v1alpha1/types.ts';
import { RESOURCES } from './resources.ts';
import { isOlder, ObjectStore } from './store.ts';

function object(name: string, version: number, text: string, namespace = 'a'): KubeObject & { text: string } {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, resourceVersion: String(version) }, text };
}

function makeStore(resync = false) {
  const told: string[] = [];
  const store = new ObjectStore<string>({
    resource: RESOURCES.configMaps,
    resync,
    project: (raw) => (raw as KubeObject & { text: string }).text,
    onChange: ({ namespace, name }, now, before) => told.push(`${namespace}/${name}: ${before} → ${now}`),
  });
  return { store, told };
}

describe('a store', () => {
  it('finds objects by namespace and name', () => {
    const { store } = makeStore();
    store.accept({ type: 'ADDED', object: object('x', 1, 'one') });
    store.accept({ type: 'ADDED', object: object('x', 2, 'two', 'b') });
    store.accept({ type: 'ADDED', object: object('y', 3, 'three') });
    expect(store.get('b', 'x')).toBe('two');
    expect(store.list('a')).toEqual(['one', 'three']);
    expect(store.list()).toEqual(['one', 'three', 'two']);
    expect(store.list('none')).toEqual([]);
    expect(store.size).toBe(3);
  });

  it('tells of new, changed and deleted objects, with what was before', () => {
    const { store, told } = makeStore();
    store.accept({ type: 'ADDED', object: object('x', 1, 'one') });
    store.accept({ type: 'MODIFIED', object: object('x', 2, 'two') });
    store.accept({ type: 'DELETED', object: object('x', 3, 'two') });
    expect(told).toEqual(['a/x: undefined → one', 'a/x: one → two', 'a/x: two → undefined']);
    expect(store.size).toBe(0);
  });

  it('says nothing of a change that is not kept', () => {
    const { store, told } = makeStore();
    store.accept({ type: 'ADDED', object: object('x', 1, 'one') });
    store.accept({ type: 'MODIFIED', object: object('x', 2, 'one') });
    expect(told).toHaveLength(1);
  });

  it('says nothing of the deletion of what it never had', () => {
    const { store, told } = makeStore();
    store.accept({ type: 'DELETED', object: object('x', 3, 'one') });
    expect(told).toEqual([]);
  });

  it('tells of everything again when asked to look again', () => {
    const { store, told } = makeStore(true);
    store.accept({ type: 'ADDED', object: object('x', 1, 'one') });
    store.resync();
    expect(told).toEqual(['a/x: undefined → one', 'a/x: one → one']);
  });

  it('keeps quiet at a resync that it did not ask for', () => {
    const { store, told } = makeStore();
    store.accept({ type: 'ADDED', object: object('x', 1, 'one') });
    store.resync();
    expect(told).toHaveLength(1);
  });
});

describe('a write of our own', () => {
  it('is seen at once', () => {
    const { store, told } = makeStore();
    store.put(object('x', 5, 'ours'));
    expect(store.get('a', 'x')).toBe('ours');
    expect(told).toEqual(['a/x: undefined → ours']);
  });

  it('is not undone by an older event that arrives later', () => {
    const { store, told } = makeStore();
    store.accept({ type: 'ADDED', object: object('x', 3, 'old') });
    store.put(object('x', 9, 'ours'));
    store.accept({ type: 'MODIFIED', object: object('x', 8, 'older') });
    expect(store.get('a', 'x')).toBe('ours');
    store.accept({ type: 'MODIFIED', object: object('x', 9, 'ours') });
    expect(told).toEqual(['a/x: undefined → old', 'a/x: old → ours']);
  });

  it('is not undone by a list that was taken before it', () => {
    const { store } = makeStore();
    store.put(object('x', 9, 'ours'));
    store.accept({ type: 'DELETED', object: object('x', 8, '') });
    expect(store.get('a', 'x')).toBe('ours');
    store.accept({ type: 'DELETED', object: object('x', 10, '') });
    expect(store.get('a', 'x')).toBeUndefined();
  });

  it('that the watch has overtaken does not raise the dead', () => {
    const { store, told } = makeStore();
    store.accept({ type: 'ADDED', object: object('x', 3, 'old') });
    store.accept({ type: 'DELETED', object: object('x', 7, 'ours') });
    store.put(object('x', 6, 'ours'));
    expect(store.get('a', 'x')).toBeUndefined();
    expect(told).toEqual(['a/x: undefined → old', 'a/x: old → undefined']);
  });
});

describe('isOlder', () => {
  it.each([
    ['9', '10', true],
    ['10', '9', false],
    ['10', '10', false],
    ['99999999999999999998', '99999999999999999999', true],
    ['abc', '10', false],
    ['9', 'abc', false],
    ['', '1', false],
  ])('%s before %s: %s', (a, b, expected) => {
    expect(isOlder(a, b)).toBe(expected);
  });
});
