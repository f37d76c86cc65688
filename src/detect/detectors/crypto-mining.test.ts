import { describe, expect, test } from 'vitest';
import {
  allow,
  asks,
  every,
  type Far,
  far,
  isDenied,
  isRefused,
  isTold,
  judge,
  looksUp,
  looksUpUnseen,
  MINUTE,
  mayNotLookUp,
  opens,
  otherPod,
  SECOND,
  sandboxOf,
} from '../../../test/detect/scenario.ts';
import type { Flow } from '../../flows/flow.ts';

function miningEvidence(flows: readonly Flow[], sandbox = sandboxOf()): Record<string, number> {
  const all = judge(flows, { sandbox }).open.filter(({ detector }) => detector === 'CryptoMining');
  return Object.fromEntries(all.flatMap(({ evidence }) => evidence.map(({ signal, points }) => [signal, points])));
}

describe('a pool’s name, and what is contacted there', () => {
  test.each([
    ['a miner’s port', 'de.monero.herominers.com', 1111, 95],
    ['a miner’s label on 443', 'pool.hashvault.pro', 443, 95],
    ['a coin and a region on 443', 'xmr-eu1.nanopool.org', 443, 95],
    ['the name as it is, on a miner’s port', 'supportxmr.com', 3333, 95],
    ['XMRig’s donation host', 'donate.v2.xmrig.com', 443, 95],
    ['a label that says neither, on 443', 'sg.minexmr.com', 443, 70],
    ['the site', 'www.supportxmr.com', 443, 20],
    ['the bare site', 'f2pool.com', 443, 20],
    ['the price API of an exchange', 'api.nicehash.com', 443, 20],
    ['XMRig’s own site', 'xmrig.com', 443, 20],
    ['pages about pools', 'miningpoolstats.stream', 443, 20],
  ])('%s: %s:%i', (_name, name, port, points) => {
    const flows = [...looksUp(0, name, '203.0.113.66'), ...opens(10, far('203.0.113.66', port, 40_000))];
    expect(miningEvidence(flows)['mining-pool']).toBe(points);
  });

  test.each([
    ['asked for only', looksUp(0, 'xmr-eu1.nanopool.org', '203.0.113.66'), 70],
    ['asked for, no such name', looksUp(0, 'xmr-eu1.nanopool.org'), 70],
    ['refused by the DNS proxy', mayNotLookUp(0, 'xmr-eu1.nanopool.org'), 70],
    ['denied', isDenied(0, far('203.0.113.66', 14_444, 40_000, { names: ['xmr-eu1.nanopool.org'] })), 70],
    ['the site, asked for', looksUp(0, 'nanopool.org', '203.0.113.66'), 20],
  ])('%s', (_name, flows, points) => {
    expect(miningEvidence(flows)['mining-pool']).toBe(points);
  });

  test('a sandbox may read about pools, not mine at them', () => {
    const sandbox = sandboxOf({ egress: allow([{ fqdn: 'www.f2pool.com' }, { fqdn: 'pool.supportxmr.com' }], 443) });
    const to = (name: string) => [...looksUp(0, name, '203.0.113.66'), ...opens(10, far('203.0.113.66', 443, 40_000))];
    expect(miningEvidence(to('www.f2pool.com'), sandbox)).toEqual({});
    expect(miningEvidence(to('pool.supportxmr.com'), sandbox)['mining-pool']).toBe(95);
  });
});

describe('words in names that are on no list', () => {
  test.each([
    ['stratum.example.net', 20],
    ['xmr.example.net', 20],
    ['eu-pool3.coin.example.net', 20],
    ['0.pool.ntp.org', undefined],
    ['2.debian.pool.ntp.org', undefined],
    ['db-pool.example.com', undefined],
    ['connection-pool.internal.example.com', undefined],
    ['determined.example.com', undefined],
    ['getmonero.org', undefined],
    ['ethernet.example.com', undefined],
    ['mining.svc.cluster.local', undefined],
  ])('%s', (name, points) => {
    expect(miningEvidence(looksUp(0, name, '203.0.113.66'))['mining-pool']).toBe(points);
  });
});

describe('ports', () => {
  test.each([
    ['XMRig’s default by address', opens(0, far('203.0.113.66', 3333, 40_000)), 40],
    ['a stratum port by name', opens(0, far('203.0.113.66', 14_444, 40_000, { names: ['x.example.net'] })), 40],
    ['Jupyter', opens(0, far('203.0.113.66', 8888, 40_000)), 10],
    ['a dev server in the cluster', opens(0, far('10.0.0.9', 3333, 40_000, { endpoint: otherPod('dev') })), undefined],
    ['a Service address at a port it has not', isDenied(0, far('10.96.1.10', 9999, 40_000)), undefined],
    ['refused by the other side', isRefused(0, far('203.0.113.66', 3333, 40_000)), undefined],
    ['denied once', isDenied(0, far('203.0.113.66', 3333, 40_000)), undefined],
    [
      'denied again a while later',
      [...isDenied(0, far('203.0.113.66', 3333, 40_000)), ...isDenied(25 * SECOND, far('203.0.113.66', 3333, 40_001))],
      40,
    ],
    ['over UDP', opens(0, far('203.0.113.66', 3333, 40_000, { protocol: 'UDP' })), undefined],
  ])('%s', (_name, flows, points) => {
    expect(miningEvidence(flows)['miner-port']).toBe(points);
  });

  test('a declared service on such a port', () => {
    const sandbox = sandboxOf({ egress: allow([{ fqdn: 'notebook.example.com' }], 8888) });
    expect(
      miningEvidence(opens(0, far('203.0.113.66', 8888, 40_000, { names: ['notebook.example.com'] })), sandbox),
    ).toEqual({});
  });
});

describe('little but steady traffic', () => {
  const steady = (to: Far, minutes = 12, periodMs = 41 * SECOND) => [
    ...opens(0, to),
    ...every(periodMs, periodMs, minutes * MINUTE, (at) => isTold(at, to)),
    ...asks(minutes * MINUTE, to),
  ];
  const pool = far('203.0.113.66', 14_444, 40_000);
  test.each([
    ['to a stratum port', steady(pool), 25],
    ['for less than ten minutes', steady(pool, 9), undefined],
    ['less than once a minute', steady(pool, 15, 75 * SECOND), undefined],
    ['to 443 by address', steady(far('203.0.113.66', 443, 40_000)), 25],
    ['to 443 by name', steady(far('203.0.113.66', 443, 40_000, { names: ['x.example.net'] })), undefined],
    [
      'to 443, a name may have been asked for',
      [...looksUpUnseen(0), ...steady(far('203.0.113.66', 443, 40_000)).map(later(20))],
      undefined,
    ],
    ['over ssh, which is a tunnel’s business', steady(far('203.0.113.66', 22, 40_000)), undefined],
    [
      'to a fourth place at once',
      [201, 202, 203, 204].flatMap((host) => steady(far(`203.0.113.${host}`, 14_444, 40_000 + host))),
      25,
    ],
    [
      'while four others are long open',
      [
        ...[205, 206, 207, 208].flatMap((host) =>
          steady(far(`203.0.113.${host}`, 443, 40_000 + host, { names: ['x.example.net'] }), 14),
        ),
        ...steady(pool, 12).map(later(3 * MINUTE)),
      ],
      undefined,
    ],
  ])('%s', (_name, flows, points) => {
    expect(miningEvidence(flows)['persistent-sparse']).toBe(points);
  });
});

describe('the way XMRig tries again', () => {
  const pool = (attempt: number) => far('203.0.113.66', 3333, 40_000 + attempt);
  const refusedEvery = (seconds: number, times: number) =>
    Array.from({ length: times }, (_, index) => isRefused(index * seconds * SECOND, pool(index))).flat();
  test.each([
    ['refused, five times 5 s apart', refusedEvery(5, 5), 30],
    ['four times', refusedEvery(5, 4), undefined],
    ['2 s apart, as a loop does', refusedEvery(2, 10), undefined],
    ['10 s apart', refusedEvery(10, 10), undefined],
    [
      'dropped in silence: 20 s time-out and 5 s pause',
      Array.from({ length: 5 }, (_, index) => isDenied(index * 25 * SECOND, pool(index))).flat(),
      30,
    ],
    [
      'an exporter that retries every 5 s, by name',
      Array.from({ length: 9 }, (_, index) =>
        isRefused(index * 5 * SECOND, far('203.0.113.50', 4317, 40_000 + index, { names: ['otel.example.com'] })),
      ).flat(),
      undefined,
    ],
  ])('%s', (_name, flows, points) => {
    expect(miningEvidence(flows)['miner-retry']).toBe(points);
  });
});

test('a pool that is used is one finding: by name, by port and by its traffic', () => {
  const pool = far('203.0.113.66', 14_444, 40_000);
  const flows = [
    ...looksUp(0, 'xmr-eu1.nanopool.org', pool.ip),
    ...opens(10, pool),
    ...every(41 * SECOND, 41 * SECOND, 12 * MINUTE, (at) => isTold(at, pool)),
  ];
  const { findings } = judge(flows);
  const mining = findings.filter(({ detector }) => detector === 'CryptoMining');
  expect(mining.map(({ target, action, classes }) => ({ target, action, classes }))).toEqual([
    { target: 'xmr-eu1.nanopool.org', action: 'quarantine', classes: 3 },
  ]);
  expect(mining[0]?.raisedAtMs).toBe(flows.find(({ dns, isReply }) => dns === undefined && isReply === false)?.timeMs);
});

function later(ms: number): (flow: Flow) => Flow {
  return (flow) => ({ ...flow, timeMs: flow.timeMs + ms });
}
