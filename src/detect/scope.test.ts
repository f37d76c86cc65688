import { expect, test } from 'vitest';
import type { FlowEndpoint } from '../flows/flow.ts';
import { networkOf, scopeOf } from './scope.ts';

function endpoint(labels: readonly string[], podName = ''): FlowEndpoint {
  return { id: 0, identity: 0, namespace: '', podName, labels };
}

test.each([
  ['the world', ['reserved:world'], '203.0.113.1', 'World'],
  ['the world of a dual-stack cluster', ['reserved:world-ipv6'], '2001:db8::1', 'World'],
  ['a network a policy names', ['cidr:203.0.113.0/24', 'reserved:world'], '203.0.113.1', 'World'],
  ['a name a policy names', ['fqdn:example.com', 'reserved:world'], '203.0.113.1', 'World'],
  ['an unused pod address', ['reserved:world'], '10.244.0.9', 'Private'],
  ['172.16/12', ['reserved:world'], '172.31.255.1', 'Private'],
  ['just beside it', ['reserved:world'], '172.32.0.1', 'World'],
  ['CGNAT', ['reserved:world'], '100.64.0.1', 'Private'],
  ['just beside it', ['reserved:world'], '100.128.0.1', 'World'],
  ['unique local IPv6', ['reserved:world'], 'fd12::1', 'Private'],
  ['a node', ['reserved:host', 'reserved:kube-apiserver'], '198.51.100.2', 'Cluster'],
  ['another node', ['reserved:remote-node'], '198.51.100.3', 'Cluster'],
  ['a pod by its labels', ['k8s:app=server'], '10.244.0.9', 'Cluster'],
  ['cloud metadata', ['reserved:world'], '169.254.169.254', 'LinkLocal'],
  ['link-local IPv6', ['reserved:world'], 'fe80::1', 'LinkLocal'],
  ['multicast', ['reserved:world'], '224.0.0.251', 'Group'],
  ['multicast IPv6', ['reserved:world'], 'ff02::2', 'Group'],
  ['broadcast', ['reserved:world'], '255.255.255.255', 'Group'],
  ['nothing', [], '', 'Group'],
  ['IPv4 written as IPv6', ['reserved:world'], '::ffff:10.0.0.1', 'Private'],
  ['no labels at all', [], '203.0.113.1', 'World'],
])('%s %j %s: %s', (_name, labels, ip, scope) => {
  expect(scopeOf(endpoint(labels), ip)).toBe(scope);
});

test('a pod is a pod, whatever its address', () => {
  expect(scopeOf(endpoint(['reserved:world'], 'server'), '203.0.113.1')).toBe('Cluster');
});

test.each([
  ['203.0.113.77', '203.0.113.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['not-an-address', 'not-an-address'],
])('the network of %s is %s', (ip, network) => {
  expect(networkOf(ip)).toBe(network);
});
