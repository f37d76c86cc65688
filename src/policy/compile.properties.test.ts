/**
 * What must hold for every sandbox, checked on random ones. Networks are judged by node:net, not by the code under test.
 */
import { BlockList, isIPv4 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clusterFacts as facts, policyInput as input } from '../../test/support/policy-inputs.ts';
import type { EgressRule } from '../api/v1alpha1/agent-sandbox.ts';
import { compilePolicy } from './compile.ts';
import type { PolicyInput, PolicyObject } from './plan.ts';

describe('for every sandbox', () => {
  test('the same input gives the same bytes', () => {
    fc.assert(
      fc.property(input, facts, (given, cluster) => {
        const once = JSON.stringify(compilePolicy(given, cluster));
        expect(JSON.stringify(compilePolicy(structuredClone(given), cluster))).toBe(once);
      }),
    );
  });

  test('the order of rules, peers, ports, names, labels and ids makes no difference', () => {
    fc.assert(
      fc.property(input, facts, (given, cluster) => {
        const turned = compilePolicy(reversed(given) as PolicyInput, cluster).objects;
        expect(JSON.stringify(turned)).toBe(JSON.stringify(compilePolicy(given, cluster).objects));
      }),
    );
  });

  test('unless it is only observed, a policy denies everything by default to every pod of it', () => {
    fc.assert(
      fc.property(input, facts, (given, cluster) => {
        fc.pre(given.spec !== undefined && given.spec.mode !== 'Observe');
        expect(compilePolicy(given, cluster).objects.map(({ spec: body }) => body)).toContainEqual({
          podSelector: { matchLabels: { 'bulkhead.dev/sandbox': given.name } },
          policyTypes: ['Egress', 'Ingress'],
        });
      }),
    );
  });

  test('no peer list and no port list is empty, since empty means everything', () => {
    fc.assert(
      fc.property(input, facts, (given, cluster) => {
        for (const rule of allowRules(compilePolicy(given, cluster).objects)) {
          expect((rule.to ?? rule.from ?? []).length).toBeGreaterThan(0);
          expect(rule.ports.length).toBeGreaterThan(0);
          expect((rule.to ?? rule.from ?? []).every((peer) => Object.keys(peer).length > 0)).toBe(true);
        }
      }),
    );
  });

  test('cutting off another pod adds no allow and takes its id out of every policy that allows', () => {
    fc.assert(
      fc.property(input, facts, (given, cluster) => {
        const before = compilePolicy(given, cluster).objects;
        const after = compilePolicy({ ...given, quarantined: [...given.quarantined, 'new'] }, cluster).objects;
        expect(JSON.stringify(allowRules(after))).toBe(JSON.stringify(allowRules(before)));
        for (const object of after.filter(({ spec: body }) => body['egress'] ?? body['ingress'])) {
          const pods = (object.spec['podSelector'] ?? object.spec['endpointSelector']) as Selector;
          const excluded = pods.matchExpressions?.filter(({ operator }) => operator === 'NotIn') ?? [];
          expect(excluded.flatMap(({ values }) => values)).toContain('new');
        }
      }),
    );
  });

  test('nothing of the baseline is in any allowed network', () => {
    const always4 = ['169.254.169.254', '169.254.0.1', '127.0.0.1', '0.0.0.0', '168.63.129.16', '192.0.0.192'];
    const facts4 = ['100.100.100.200', '10.96.0.1', '198.51.100.7', '10.1.2.3'];
    const always6 = ['fe80::1', '::1', '::', 'fd00:ec2::254', 'fd20:ce::254', '2001:db8:1::4', '64:ff9b::a9fe:a9fe'];
    fc.assert(
      fc.property(input, facts, (given, cluster) => {
        for (const block of ipBlocks(compilePolicy(given, cluster).objects)) {
          for (const address of [...always4, ...facts4, ...always6]) {
            expect(isAllowed(block, address), `${address} in ${JSON.stringify(block)}`).toBe(false);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('private space is in an allowed network only when the network lies within private space', () => {
    const samples: [string, string][] = [
      ['10.9.8.7', '10.0.0.0/8'],
      ['172.20.0.1', '172.16.0.0/12'],
      ['192.168.1.1', '192.168.0.0/16'],
      ['100.64.0.1', '100.64.0.0/10'],
      ['224.0.0.251', '224.0.0.0/4'],
      ['fd12::1', 'fc00::/7'],
      ['ff02::fb', 'ff00::/8'],
    ];
    fc.assert(
      fc.property(input, facts, (given, cluster) => {
        for (const block of ipBlocks(compilePolicy(given, cluster).objects)) {
          for (const [address, space] of samples) {
            const listed =
              listOf(space).check(addressOf(block.cidr), familyOf(block.cidr)) &&
              lengthOf(block.cidr) >= lengthOf(space);
            expect(isAllowed(block, address) && !listed, `${address} in ${JSON.stringify(block)}`).toBe(false);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('every exception lies inside its network and is smaller, as the API server wants it', () => {
    fc.assert(
      fc.property(input, facts, (given, cluster) => {
        const objects = compilePolicy(given, cluster).objects;
        for (const { cidr, except = [] } of [...ipBlocks(objects), ...deniedBlocks(objects)]) {
          for (const part of except) {
            expect(listOf(cidr).check(addressOf(part), familyOf(part)), `${part} in ${cidr}`).toBe(true);
            expect(lengthOf(part)).toBeGreaterThan(lengthOf(cidr));
          }
        }
      }),
    );
  });

  test('under Cilium no address is denied that a rule allows, and every other one that a rule excepts', () => {
    fc.assert(
      fc.property(input, facts, (given, cluster) => {
        fc.pre(cluster.engine === 'cilium' && given.spec?.mode === 'Enforce');
        const { objects } = compilePolicy(given, cluster);
        const denied = deniedBlocks(objects);
        const allowed = [...egressBlocks(objects), ...resolverBlocks(objects)];
        const peers = (given.spec?.egress.allow ?? []).filter(takesEffect).flatMap(({ to }) => to);
        const excepted = peers.flatMap(({ except = [] }) => except);
        const edges = [...excepted, ...[...allowed, ...denied].flatMap(({ cidr, except = [] }) => [cidr, ...except])];
        for (const address of edges.map(addressOf)) {
          const isOpen = allowed.some((block) => isAllowed(block, address));
          const isDenied = denied.some((block) => isAllowed(block, address));
          expect(isOpen && isDenied, `${address} both allowed and denied`).toBe(false);
          const isExcepted = excepted.some((cidr) => isAllowed({ cidr }, address));
          expect(isExcepted && !isOpen && !isDenied, `${address} is excepted and not denied`).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('under Cilium nothing but a rule with names opens port 53', () => {
    fc.assert(
      fc.property(input, facts, (given, cluster) => {
        fc.pre(cluster.engine === 'cilium');
        const { objects } = compilePolicy(given, cluster);
        const plain = allowRules(objects).filter(({ to }) => to !== undefined);
        expect(plain.flatMap(({ ports }) => ports).filter(opensDns)).toEqual([]);
        for (const { ports, rules } of ciliumAllows(objects).flatMap(({ toPorts = [] }) => toPorts)) {
          expect(ports.some(opensDns)).toBe(rules !== undefined);
          expect(rules?.dns.length ?? 1).toBeGreaterThan(0);
        }
      }),
    );
  });

  test('names are valid and no two objects share one', () => {
    fc.assert(
      fc.property(input, facts, (given, cluster) => {
        const objects = compilePolicy(given, cluster).objects;
        const keys = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
        expect(new Set(keys).size).toBe(keys.length);
        for (const { metadata } of objects) {
          expect(metadata.name).toMatch(/^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/);
        }
      }),
    );
  });

  test('a quarantine has no owner, everything else has one when the uid is known', () => {
    fc.assert(
      fc.property(input, facts, (given, cluster) => {
        for (const { metadata } of compilePolicy(given, cluster).objects) {
          const isOwned = metadata.labels?.['bulkhead.dev/role'] !== 'quarantine' && given.uid !== undefined;
          expect(metadata.ownerReferences?.length ?? 0).toBe(isOwned ? 1 : 0);
        }
      }),
    );
  });
});

interface Block {
  cidr: string;
  except?: string[];
}
interface Port {
  protocol: string;
  port: number | string;
  endPort?: number;
}
interface AllowRule {
  to?: { ipBlock?: Block }[];
  from?: { ipBlock?: Block }[];
  ports: Port[];
}
interface CiliumRule {
  toCIDR?: string[];
  toPorts?: { ports: Port[]; rules?: { dns: unknown[] } }[];
}
interface Selector {
  matchExpressions?: { operator: string; values: string[] }[];
}

function allowRules(objects: readonly PolicyObject[]): AllowRule[] {
  return objects
    .filter(({ kind }) => kind === 'NetworkPolicy')
    .flatMap(({ spec: body }) => [...list<AllowRule>(body['egress']), ...list<AllowRule>(body['ingress'])]);
}

function ciliumAllows(objects: readonly PolicyObject[]): CiliumRule[] {
  return objects
    .filter(({ kind }) => kind === 'CiliumNetworkPolicy')
    .flatMap(({ spec: body }) => list<CiliumRule>(body['egress']));
}

function ipBlocks(objects: readonly PolicyObject[]): Block[] {
  return allowRules(objects).flatMap(({ to = [], from = [] }) =>
    [...to, ...from].flatMap(({ ipBlock }) => (ipBlock === undefined ? [] : [ipBlock])),
  );
}

function deniedBlocks(objects: readonly PolicyObject[]): Block[] {
  return objects.flatMap(({ spec: body }) =>
    list<{ toCIDRSet?: Block[] }>(body['egressDeny']).flatMap(({ toCIDRSet = [] }) => toCIDRSet),
  );
}

/** Whether anything is left of the rule under Cilium, where port 53 is not its to open. */
function takesEffect({ http, ports }: EgressRule): boolean {
  return (
    http === undefined &&
    ports.some(({ protocol, port, endPort = port }) => protocol === 'SCTP' || port !== 53 || endPort !== 53)
  );
}

function egressBlocks(objects: readonly PolicyObject[]): Block[] {
  const rules = objects.flatMap(({ kind, spec: body }) =>
    kind === 'NetworkPolicy' ? list<AllowRule>(body['egress']) : [],
  );
  return rules.flatMap(({ to = [] }) => to.flatMap(({ ipBlock }) => (ipBlock === undefined ? [] : [ipBlock])));
}

function resolverBlocks(objects: readonly PolicyObject[]): Block[] {
  return ciliumAllows(objects).flatMap(({ toCIDR = [] }) => toCIDR.map((cidr) => ({ cidr })));
}

function opensDns({ protocol, port, endPort }: Port): boolean {
  const from = Number(port);
  return protocol !== 'SCTP' && from <= 53 && (endPort ?? from) >= 53;
}

function list<T>(value: unknown): T[] {
  return (value as T[] | undefined) ?? [];
}

function isAllowed({ cidr, except = [] }: Block, address: string): boolean {
  const family = familyOf(address);
  // BlockList also looks for ::ffff:a.b.c.d in IPv6 networks; on the wire such a packet is IPv4.
  return family === familyOf(cidr) && listOf(cidr).check(address, family) && !listOf(...except).check(address, family);
}

function listOf(...networks: string[]): BlockList {
  const blocks = new BlockList();
  for (const network of networks) {
    blocks.addSubnet(addressOf(network), lengthOf(network), familyOf(network));
  }
  return blocks;
}

function addressOf(cidr: string): string {
  return cidr.split('/')[0] ?? '';
}

function lengthOf(cidr: string): number {
  return Number(cidr.split('/')[1]);
}

function familyOf(cidr: string): 'ipv4' | 'ipv6' {
  return isIPv4(addressOf(cidr)) ? 'ipv4' : 'ipv6';
}

/** The same object with every list turned round and every map written backwards. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(reversed).reverse();
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}
