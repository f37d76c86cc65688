import { describe, expect, test } from 'vitest';
import { canonicalPeer, endpointSelector, freePods, sandboxPods } from './selectors.ts';

test('pods that are not cut off are the sandbox’s pods without those ids', () => {
  expect(freePods('rome', [])).toEqual(sandboxPods('rome'));
  expect(freePods('rome', ['a', 'b'])).toEqual({
    matchLabels: { 'bulkhead.dev/sandbox': 'rome' },
    matchExpressions: [{ key: 'bulkhead.dev/pod-id', operator: 'NotIn', values: ['a', 'b'] }],
  });
});

test('one selector has one spelling', () => {
  const one = canonicalPeer({
    podSelector: {
      matchLabels: { b: '2', a: '1' },
      matchExpressions: [
        { key: 'z', operator: 'Exists' },
        { key: 'tier', operator: 'In', values: ['y', 'x', 'y'] },
      ],
    },
  });
  const other = canonicalPeer({
    podSelector: {
      matchExpressions: [
        { key: 'tier', operator: 'In', values: ['x', 'y'] },
        { key: 'z', operator: 'Exists', values: [] },
      ],
      matchLabels: { a: '1', b: '2' },
    },
  });
  expect(JSON.stringify(one)).toBe(JSON.stringify(other));
});

test('every namespace stays every namespace', () => {
  expect(canonicalPeer({ namespaceSelector: {} })).toEqual({ namespaceSelector: {} });
});

describe('as a Cilium endpoint selector', () => {
  test.each([
    [
      'pods of the own namespace',
      { podSelector: { matchLabels: { app: 'dns' } } },
      { matchLabels: { 'k8s:app': 'dns', 'k8s:io.kubernetes.pod.namespace': 'agents' } },
    ],
    [
      'a namespace by name',
      { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'dns' } } },
      { matchLabels: { 'k8s:io.kubernetes.pod.namespace': 'dns' } },
    ],
    [
      'namespaces by another label, with an expression',
      {
        namespaceSelector: {
          matchLabels: { team: 'net' },
          matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn' as const, values: ['old'] }],
        },
        podSelector: { matchExpressions: [{ key: 'app', operator: 'Exists' as const }] },
      },
      {
        matchLabels: { 'k8s:io.cilium.k8s.namespace.labels.team': 'net' },
        matchExpressions: [
          { key: 'k8s:app', operator: 'Exists' },
          { key: 'k8s:io.kubernetes.pod.namespace', operator: 'NotIn', values: ['old'] },
        ],
      },
    ],
    [
      'every namespace, which Cilium would otherwise read as the own one',
      { namespaceSelector: {}, podSelector: { matchLabels: { app: 'dns' } } },
      {
        matchLabels: { 'k8s:app': 'dns' },
        matchExpressions: [{ key: 'k8s:io.kubernetes.pod.namespace', operator: 'Exists' }],
      },
    ],
    [
      'a pod label cannot pass for a namespace',
      { podSelector: { matchLabels: { 'io.kubernetes.pod.namespace': 'kube-system' } } },
      { matchLabels: { 'k8s:io.kubernetes.pod.namespace': 'agents' } },
    ],
  ])('%s', (_what, peer, selector) => {
    expect(endpointSelector(peer, 'agents')).toEqual(selector);
  });
});
