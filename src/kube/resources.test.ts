import { describe, expect, it } from 'vitest';
import { collectionPath, objectPath, RESOURCES, resourceByPlural, resourceOf } from './resources.ts';

describe('paths', () => {
  it.each([
    ['a core kind', RESOURCES.pods, 'a', 'x', '/api/v1/namespaces/a/pods/x'],
    [
      'a kind of a group',
      RESOURCES.agentSandboxes,
      'a',
      'x',
      '/apis/bulkhead.dev/v1alpha1/namespaces/a/agentsandboxes/x',
    ],
    ['a cluster kind', RESOURCES.nodes, undefined, 'x', '/api/v1/nodes/x'],
    ['a cluster kind with a namespace given', RESOURCES.nodes, 'a', 'x', '/api/v1/nodes/x'],
    ['a name with a slash', RESOURCES.pods, 'a', 'x/exec', '/api/v1/namespaces/a/pods/x%2Fexec'],
  ])('of %s', (_name, resource, namespace, name, expected) => {
    expect(objectPath({ resource, namespace, name })).toBe(expected);
  });

  it('of a collection over all namespaces', () => {
    expect(collectionPath(RESOURCES.pods, undefined)).toBe('/api/v1/pods');
  });

  it.each([
    ['an empty name, which would mean the whole collection', 'a', ''],
    ['an empty namespace', '', 'x'],
    ['a way up', 'a', '..'],
    ['no namespace', undefined, 'x'],
  ])('refuse %s', (_name, namespace, name) => {
    expect(() => objectPath({ resource: RESOURCES.pods, namespace, name })).toThrow();
  });
});

describe('the list of kinds', () => {
  it('is found by kind and by plural', () => {
    expect(resourceOf({ apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy' })).toBe(
      RESOURCES.ciliumNetworkPolicies,
    );
    expect(resourceByPlural('v1', 'pods')).toBe(RESOURCES.pods);
  });

  it('knows what it does not know', () => {
    expect(() => resourceOf({ apiVersion: 'v2', kind: 'Pod' })).toThrow(/v2 Pod/);
    expect(() => resourceByPlural('v1', 'widgets')).toThrow(/widgets/);
  });
});
