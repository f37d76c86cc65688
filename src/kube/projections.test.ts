import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baselineOf } from '../policy/baseline.ts';
import { projectApiServerSlice, projectNode, projectService } from './projections.ts';

const METADATA = { name: 'a', labels: { 'kubernetes.io/service-name': 'kubernetes' } };
const node = (...addresses: string[]) =>
  projectNode({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: METADATA,
    status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
  } as never);
const slice = (...addresses: string[]) =>
  projectApiServerSlice({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: METADATA,
    endpoints: [{ addresses }, {}],
  } as never);
const service = (...clusterIPs: string[]) =>
  projectService({ apiVersion: 'v1', kind: 'Service', metadata: METADATA, spec: { clusterIPs } } as never).clusterIPs;

describe.each([
  ['a node', node],
  ['a slice', slice],
  ['a Service', service],
])('of the addresses of %s', (_what, project) => {
  it.each([
    ['a name, as a slice of addressType FQDN has it', 'api.example.com'],
    ['nothing', ''],
    ['what a headless Service has', 'None'],
    ['an address with a zone', 'fe80::1%eth0'],
    ['an address with a port', '10.0.0.1:443'],
    ['a network', '10.0.0.0/8'],
    ['a short form', '10.1'],
    ['octal', '010.0.0.1'],
  ])('%s is left out, and the others stay', (_name, text) => {
    expect(project('192.0.2.1', text, '2001:db8::1')).toEqual(['192.0.2.1', '2001:db8::1']);
  });

  it('whatever is kept, the compiler takes', () => {
    const mapped = fc.ipV4().map((address) => `::ffff:${address}`);
    const text = fc.oneof(fc.ipV4(), fc.ipV4Extended(), fc.ipV6(), mapped, fc.domain(), fc.string());
    fc.assert(
      fc.property(fc.array(text), (addresses) => {
        const kept = [...project(...addresses)];
        expect(() => baselineOf({ apiServerAddresses: kept, nodeAddresses: kept })).not.toThrow();
      }),
    );
  });
});

it('a node is known by its addresses, not by its names', () => {
  const addresses = [
    { type: 'Hostname', address: 'node-1' },
    { type: 'InternalIP', address: '10.0.0.1' },
    { type: 'ExternalIP', address: '198.51.100.1' },
    { type: 'InternalDNS', address: '10.0.0.2' },
  ];
  expect(projectNode({ apiVersion: 'v1', kind: 'Node', metadata: METADATA, status: { addresses } } as never)).toEqual([
    '10.0.0.1',
    '198.51.100.1',
  ]);
});

it('a slice of another Service tells nothing of the API server', () => {
  const labels = { 'kubernetes.io/service-name': 'web' };
  const endpoints = [{ addresses: ['10.0.0.1'] }];
  expect(
    projectApiServerSlice({
      apiVersion: 'v1',
      kind: 'EndpointSlice',
      metadata: { name: 'a', labels },
      endpoints,
    } as never),
  ).toEqual([]);
});
