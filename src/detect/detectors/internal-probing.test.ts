import { describe, expect, test } from 'vitest';
import {
  dnsAnswer,
  every,
  far,
  flowOf,
  HOUR,
  isDenied,
  isIgnored,
  isRefused,
  judge,
  looksUp,
  looksUpUnseen,
  MINUTE,
  opens,
  otherPod,
  outline,
  SECOND,
  type Setting,
  sent,
  T0,
} from '../../../test/detect/scenario.ts';
import { type Flow, type FlowEvent, TCP_FLAG } from '../../flows/flow.ts';

function probingEvidence(flows: readonly Flow[], setting: Setting = {}): Record<string, number> {
  const finding = judge(flows, setting).open.find(({ detector }) => detector === 'InternalProbing');
  return Object.fromEntries((finding?.evidence ?? []).map(({ signal, points }) => [signal, points]));
}

const pod = (index: number, port = 8080) =>
  far(`10.0.1.${index}`, port, 40_000 + index, { endpoint: otherPod(`pod-${index}`, `app-${index}`) });
const bare = (index: number, port = 8080) => far(`10.0.2.${index}`, port, 41_000 + index);
const times = (count: number, happens: (index: number) => Flow[]) =>
  Array.from({ length: count }, (_, i) => happens(i)).flat();

describe('the walk fires at exactly five failures in a row', () => {
  test.each([
    ['four refused', times(4, (i) => isRefused(i * SECOND, bare(i))), undefined],
    ['five refused', times(5, (i) => isRefused(i * SECOND, bare(i))), 60],
    ['four denied', times(4, (i) => isDenied(i * SECOND, bare(i))), undefined],
    ['five denied', times(5, (i) => isDenied(i * SECOND, bare(i))), 60],
    ['four unanswered', times(4, (i) => isIgnored(i * SECOND, bare(i))), undefined],
    ['five unanswered', times(5, (i) => isIgnored(i * SECOND, bare(i))), 60],
    ['five, once an hour', times(5, (i) => isRefused(i * HOUR, bare(i))), 60],
    [
      'one success among five',
      [
        ...times(4, (i) => isRefused(i * SECOND, bare(i))),
        ...opens(5 * SECOND, pod(9)),
        ...isRefused(6 * SECOND, bare(9)),
      ],
      undefined,
    ],
    // 4 · 2.079 − 1.504 + 2 · 2.079 = 10.97 ≥ 9.2; one less is 8.89
    [
      'one success among six',
      [
        ...times(4, (i) => isRefused(i * SECOND, bare(i))),
        ...opens(5 * SECOND, pod(9)),
        ...times(2, (i) => isRefused((6 + i) * SECOND, bare(20 + i))),
      ],
      60,
    ],
    [
      'past success buys nothing',
      [...times(30, (i) => opens(i * 300, pod(i))), ...times(5, (i) => isRefused((10 + i) * SECOND, bare(i)))],
      60,
    ],
  ])('%s', (_name, flows, points) => {
    expect(probingEvidence(flows)['failed-first-contacts']).toBe(points);
  });

  test('policy denials count as well as denials: 40 from five in ten minutes, 65 from ten', () => {
    expect(probingEvidence(times(5, (i) => isDenied(i * SECOND, bare(i))))).toEqual({
      'failed-first-contacts': 60,
      'denied-places': 40,
    });
    expect(probingEvidence(times(10, (i) => isDenied(i * SECOND, bare(i))))).toEqual({
      'failed-first-contacts': 60,
      'denied-places': 65,
    });
    expect(probingEvidence(times(5, (i) => isDenied(i * 3 * MINUTE, bare(i))))).toEqual({
      'failed-first-contacts': 60,
    });
  });
});

describe('what is no probing', () => {
  test.each([
    [
      'a loop that waits for one port',
      every(2 * SECOND, 0, 10 * MINUTE, (at) => isRefused(at, { ...bare(1), from: 30_000 + at / 1000 })),
    ],
    ['retransmissions of one attempt', every(10 * SECOND, 0, 60 * SECOND, (at) => isIgnored(at, bare(1)))],
    ['happy eyeballs: IPv6 fails, IPv4 answers, ten names', times(10, (i) => happyEyeballs(i))],
    [
      'rolling restart: stale endpoints of one workload',
      [
        ...times(8, (i) =>
          isRefused(i * SECOND, far(`10.0.3.${i}`, 8080, 42_000 + i, { endpoint: otherPod(`web-${i}`, 'web') })),
        ),
        ...opens(9 * SECOND, far('10.0.3.20', 8080, 43_000, { endpoint: otherPod('web-20', 'web') })),
      ],
    ],
    [
      'a headless Service whose pods are gone: one name',
      [
        ...looksUp(0, 'web.agents.svc.cluster.local', ...Array.from({ length: 8 }, (_, i) => `10.0.3.${i}`)),
        ...times(8, (i) => isRefused((i + 1) * SECOND, far(`10.0.3.${i}`, 8080, 42_000 + i))),
      ],
    ],
    [
      'a browser that finds web sites down',
      [...looksUpUnseen(0), ...times(12, (i) => isIgnored(20 + i * 10, far(`198.51.100.${i}`, 443, 44_000 + i)))],
    ],
    [
      'mirrors that are down, by name',
      times(12, (i) => [
        ...looksUp(i * SECOND, `mirror-${i}.example.org`, `198.51.100.${i}`),
        ...isRefused(i * SECOND + 20, far(`198.51.100.${i}`, 873, 44_000 + i)),
      ]),
    ],
    ['DNS servers that do not answer', times(8, (i) => isIgnored(i * SECOND, bare(i, 53)))],
    [
      'UDP that nobody answers',
      times(20, (i) => [sent(i * SECOND, { ...bare(i, 8125), protocol: 'UDP' }, { traceReason: 'NEW' })]),
    ],
    [
      'others who connect to the pod',
      times(20, (i) => [
        flowOf(i * SECOND, {
          source: otherPod(`peer-${i}`),
          destination: sent(0, bare(1)).source,
          sourceIp: `10.0.1.${i}`,
          tcpFlags: TCP_FLAG.SYN,
          direction: 'INGRESS',
        }),
      ]),
    ],
    [
      'the search path of names',
      times(20, (i) =>
        ['agents.svc.cluster.local', 'svc.cluster.local', 'cluster.local'].flatMap((suffix) =>
          looksUp(i * SECOND, `host-${i}.example.com.${suffix}`),
        ),
      ),
    ],
    [
      'Services that have no IPv6',
      times(10, (i) => [
        ...looksUp(i * SECOND, `svc-${i}.platform.svc.cluster.local`, `10.96.0.${i + 1}`),
        dnsAnswer(i * SECOND + 3, { query: `svc-${i}.platform.svc.cluster.local`, rcode: 3, qtypes: ['AAAA'] }),
      ]),
    ],
  ])('%s', (_name, flows) => {
    expect(probingEvidence(flows)).toEqual({});
  });

  function happyEyeballs(i: number): Flow[] {
    const name = `svc-${i}.example.com`;
    return [
      ...looksUp(i * SECOND, name, `fd00::${i + 1}`, `10.0.4.${i + 1}`),
      ...isRefused(i * SECOND + 20, far(`fd00::${i + 1}`, 443, 45_000 + i)),
      ...opens(i * SECOND + 270, far(`10.0.4.${i + 1}`, 443, 46_000 + i)),
    ];
  }
});

describe('silence proves nothing', () => {
  const silent = times(8, (i) => isIgnored(MINUTE + i * 100, bare(i)));
  const lost = (atMs: number): FlowEvent => ({
    kind: 'lost',
    lost: { timeMs: T0 + atMs, nodeName: 'node-1', source: 'HUBBLE_RING_BUFFER', count: 12 },
  });
  test.each<[string, Setting, boolean]>([
    ['all flows seen', {}, true],
    ['flows lost in that time', { events: [lost(MINUTE + 2 * SECOND)] }, false],
    ['flows lost long before', { events: [lost(10 * SECOND)] }, true],
    [
      'flows lost on another node',
      {
        events: [
          { kind: 'lost', lost: { timeMs: T0 + MINUTE + 2 * SECOND, nodeName: 'node-2', source: '', count: 1 } },
        ],
      },
      true,
    ],
    [
      'the node went away meanwhile',
      {
        events: [
          {
            kind: 'node',
            node: { timeMs: T0 + MINUTE + 2 * SECOND, state: 'UNAVAILABLE', nodeNames: ['node-1'], message: '' },
          },
        ],
      },
      false,
    ],
    ['the pod had just started', { startedMs: T0 + MINUTE - 10 * SECOND }, false],
    ['the pod had started before', { startedMs: T0 }, true],
  ])('%s', (_name, setting, isFound) => {
    expect('failed-first-contacts' in probingEvidence(silent, setting)).toBe(isFound);
  });

  test('but a refusal does, also while flows are lost, and the finding says so', () => {
    const { open } = judge(
      times(5, (i) => isRefused(MINUTE + i * SECOND, bare(i))),
      { events: [lost(MINUTE + 2 * SECOND)] },
    );
    expect(open[0]).toMatchObject({ detector: 'InternalProbing', score: 60, degraded: true });
  });
});

describe('shape', () => {
  test.each([
    ['fourteen ports of one place', times(14, (i) => opens(i * 100, { ...pod(1, 8000 + i), from: 40_000 + i })), {}],
    ['fifteen', times(15, (i) => opens(i * 100, { ...pod(1, 8000 + i), from: 40_000 + i })), { 'many-ports': 50 }],
    [
      'fifteen in more than five minutes',
      times(15, (i) => opens(i * 22 * SECOND, { ...pod(1, 8000 + i), from: 40_000 + i })),
      {},
    ],
    [
      'one port of 24 places, by ping of all kinds',
      times(24, (i) => [sent(i * 100, { ...pod(i), protocol: 'UDP' }, { traceReason: 'NEW' })]),
      {},
    ],
    [
      'one port of 25 places',
      times(25, (i) => [sent(i * 100, { ...pod(i), protocol: 'UDP' }, { traceReason: 'NEW' })]),
      { 'many-places': 50 },
    ],
    [
      'pings of 25 places',
      times(25, (i) => [
        flowOf(i * 100, {
          protocol: 'ICMPv4',
          icmpType: 8,
          icmpCode: 0,
          tcpFlags: 0,
          sourcePort: 0,
          destinationPort: 0,
          destinationIp: `10.0.1.${i}`,
          destination: otherPod(`p${i}`),
        }),
      ]),
      { 'many-places': 50 },
    ],
    [
      '25 pods of one workload are one place',
      times(25, (i) => opens(i * 100, far(`10.0.3.${i}`, 8080, 42_000 + i, { endpoint: otherPod(`web-${i}`, 'web') }))),
      {},
    ],
    [
      '20 new places in an hour, all of which answer',
      times(20, (i) => opens(i * 2 * MINUTE, pod(i, 8000 + i))),
      { 'new-places': 50 },
    ],
    ['19', times(19, (i) => opens(i * 2 * MINUTE, pod(i, 8000 + i))), {}],
    [
      'FIN scan: fifteen ports without a SYN, denied',
      times(15, (i) => isDenied(i * 100, { ...pod(1, 8000 + i), from: 40_000 }, { tcpFlags: TCP_FLAG.FIN })),
      { 'many-ports': 50, 'failed-first-contacts': 60, 'denied-places': 65 },
    ],
  ])('%s', (_name, flows, evidence) => {
    expect(probingEvidence(flows)).toEqual(evidence);
  });
});

describe('outside of the cluster', () => {
  test.each([
    [
      'ports of an address nobody asked a name for',
      times(6, (i) => isRefused(i * SECOND, far('203.0.113.20', 20 + i, 40_000 + i))),
      true,
    ],
    [
      'web servers by address, DNS never used',
      times(6, (i) => isIgnored(i * SECOND, far(`203.0.113.${i}`, 80, 40_000 + i))),
      true,
    ],
    [
      'places with names',
      times(6, (i) => isRefused(i * SECOND, far(`203.0.113.${i}`, 5000, 40_000 + i, { names: [`h${i}.example.com`] }))),
      false,
    ],
    ['cloud metadata', times(6, (i) => isRefused(i * SECOND, far('169.254.169.254', 80 + i, 40_000 + i))), false],
  ])('%s', (_name, flows, isFound) => {
    expect('failed-first-contacts' in probingEvidence(flows)).toBe(isFound);
  });
});

describe('names of Services', () => {
  const guess = (count: number) => times(count, (i) => looksUp(i * SECOND, `guess-${i}.platform.svc.cluster.local`));
  test.each([
    ['four guesses', guess(4), undefined],
    ['five guesses', guess(5), 60],
    [
      'the same name again and again',
      every(SECOND, 0, 60 * SECOND, (at) => looksUp(at, 'missing.platform.svc.cluster.local')),
      undefined,
    ],
    [
      'domains that are not there, which the resolver tries inside first',
      times(8, (i) => [
        ...looksUp(i * SECOND, `dead-${i}.dev.svc.cluster.local`),
        ...looksUp(i * SECOND + 10, `dead-${i}.dev`),
      ]),
      undefined,
    ],
    [
      'Services in a namespace that is called like a top-level domain',
      times(5, (i) => looksUp(i * SECOND, `guess-${i}.dev.svc.cluster.local`)),
      60,
    ],
    [
      'names that are there',
      times(8, (i) => looksUp(i * SECOND, `real-${i}.platform.svc.cluster.local`, `10.96.0.${i + 1}`)),
      undefined,
    ],
  ])('%s', (_name, flows, points) => {
    expect(probingEvidence([...flows, ...opens(2 * MINUTE, pod(1))])['failed-first-contacts']).toBe(points);
  });
});

test('a slow scan through a day is one finding', () => {
  const { findings } = judge(times(12, (i) => isRefused(i * 2 * HOUR, bare(i))));
  expect(outline(findings)).toEqual(['InternalProbing alert 60: failed-first-contacts 60']);
});

test('a flood of places does not undo what was found', () => {
  const scan = times(15, (i) => isRefused(i * 100, { ...pod(1, 8000 + i), from: 40_000 + i }));
  const flood = times(3000, (i) =>
    opens(2 * SECOND + i * 10, far(`10.${i >> 8}.${i & 255}.1`, 80, 10_000 + i, { endpoint: otherPod(`f${i}`) })),
  );
  const before = judge(scan).of('InternalProbing');
  const after = judge([...scan, ...flood]).of('InternalProbing');
  expect(before?.action).toBe('quarantine');
  expect(after?.action).toBe('quarantine');
  expect(after?.raisedAtMs).toBe(before?.raisedAtMs);
});
