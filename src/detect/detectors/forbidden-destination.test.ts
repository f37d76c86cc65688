import { describe, expect, test } from 'vitest';
import {
  dnsAnswer,
  every,
  type Far,
  far,
  HOUR,
  isDenied,
  judge,
  looksUp,
  looksUpUnseen,
  MINUTE,
  mayNotLookUp,
  opens,
  otherPod,
  SECOND,
  sent,
} from '../../../test/detect/scenario.ts';
import { EVENT_TYPE, type Flow } from '../../flows/flow.ts';

/** Points by signal, of the finding with the most. */
function denialEvidence(flows: readonly Flow[]): Record<string, number> {
  const points: Record<string, number> = {};
  for (const { detector, evidence } of judge(flows).open) {
    for (const one of detector === 'ForbiddenDestination' ? evidence : []) {
      points[one.signal] = Math.max(points[one.signal] ?? 0, one.points);
    }
  }
  return points;
}

/** A new attempt, from a new port, at intervals. */
function attempts(count: number, periodMs: number, to: Partial<Far> = {}): Flow[] {
  return Array.from({ length: count }, (_, index) =>
    isDenied(index * periodMs, { ...far('203.0.113.10', 5000, 40_000 + index), ...to, from: 40_000 + index }),
  ).flat();
}

describe('the same place again', () => {
  test.each([
    ['twice', attempts(2, 60 * SECOND), undefined],
    ['three times in five minutes', attempts(3, 100 * SECOND), 30],
    ['three times in more', attempts(3, 151 * SECOND), undefined],
    ['three times within ten seconds is one intent', attempts(3, 4 * SECOND), undefined],
    ['a retry every second for half a minute: three intents', attempts(30, SECOND), 30],
    ['ten times in five minutes', attempts(10, 30 * SECOND), 55],
    ['thirty times in an hour', attempts(30, 120 * SECOND), 70],
    ['thirty times in a day', attempts(30, 48 * MINUTE), undefined],
    [
      'one attempt and all its retransmissions',
      every(8 * SECOND, 0, 60 * SECOND, (at) => isDenied(at, far('203.0.113.10', 5000, 40_000))),
      undefined,
    ],
    [
      'addresses of one network are one place',
      [10, 11, 12].flatMap((host, index) => isDenied(index * MINUTE, far(`203.0.113.${host}`, 5000, 40_000 + host))),
      30,
    ],
    [
      'audit mode: would have been denied',
      attempts(3, 100 * SECOND).map((flow) => ({ ...flow, verdict: 'AUDIT' as const, dropReason: 0 })),
      30,
    ],
    ['dropped for another reason', attempts(9, 30 * SECOND).map((flow) => ({ ...flow, dropReason: 151 })), undefined],
    ['an explicit deny', attempts(3, 100 * SECOND).map((flow) => ({ ...flow, dropReason: 181 })), 30],
    ['authentication required', attempts(3, 100 * SECOND).map((flow) => ({ ...flow, dropReason: 189 })), 30],
    ['multicast', attempts(9, 30 * SECOND, { ip: '224.0.0.251' }), undefined],
    ['HTTP requests that the proxy refuses', httpRefused(3, 30 * SECOND), 30],
  ])('%s', (_name, flows, points) => {
    expect(denialEvidence(flows)['repeated-denial']).toBe(points);
  });

  test('a connection that is cut in the middle is no attempt', () => {
    const to = far('203.0.113.10', 443, 40_000);
    const cut = every(20 * SECOND, 20 * SECOND, 5 * MINUTE, (at) => [
      sent(at, to, {
        verdict: 'DROPPED',
        dropReason: 181,
        eventType: EVENT_TYPE.DROP,
        isReply: undefined,
        traceReason: '',
      }),
    ]);
    expect(denialEvidence([...opens(0, to), ...cut])).toEqual({});
    expect(denialEvidence(cut)).toEqual({});
  });

  test('once it was told so, a new attempt a minute later counts half as much again', () => {
    const told = httpRefused(3, 61 * SECOND);
    expect(denialEvidence(told)['repeated-denial']).toBe(45);
  });
});

describe('names', () => {
  test.each([
    [
      'refused by the DNS proxy three times',
      every(MINUTE, 0, 2 * MINUTE, (at) => mayNotLookUp(at, 'pastebin.example')),
      30,
    ],
    [
      'an answer REFUSED without a question that was let through',
      every(MINUTE, 0, 2 * MINUTE, (at) => [dnsAnswer(at, { query: 'pastebin.example', rcode: 5 })]),
      30,
    ],
    [
      'refused by the resolver itself, as for IPv6',
      every(MINUTE, 0, 20 * MINUTE, (at) => [
        ...looksUp(at, 'api.example.com', '203.0.113.61'),
        dnsAnswer(at + 3, { query: 'api.example.com', rcode: 5, qtypes: ['AAAA'] }),
      ]),
      undefined,
    ],
    ['no such name', every(MINUTE, 0, 20 * MINUTE, (at) => looksUp(at, 'nosuch.example.com')), undefined],
    [
      'the search path of a name',
      every(20 * SECOND, 0, 5 * MINUTE, (at) =>
        ['agents.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'ec2.internal'].flatMap((suffix) =>
          mayNotLookUp(at, `pypi.org.${suffix}`),
        ),
      ),
      undefined,
    ],
    [
      'a Service of another namespace',
      every(MINUTE, 0, 2 * MINUTE, (at) => mayNotLookUp(at, 'payroll.platform.svc.cluster.local')),
      30,
    ],
    [
      'a package registry: a quarter',
      every(100 * SECOND, 0, 200 * SECOND, (at) => mayNotLookUp(at, 'files.pythonhosted.org')),
      7.5,
    ],
    [
      'telemetry: a quarter',
      every(100 * SECOND, 0, 200 * SECOND, (at) => mayNotLookUp(at, 'o123.ingest.sentry.io')),
      7.5,
    ],
    [
      'a tunnel service: twice',
      every(100 * SECOND, 0, 200 * SECOND, (at) => mayNotLookUp(at, 'connect.ngrok-agent.com')),
      60,
    ],
    [
      'a mining pool, ten times: at most 100',
      every(30 * SECOND, 0, 270 * SECOND, (at) => mayNotLookUp(at, 'xmr-eu1.nanopool.org')),
      100,
    ],
    ['cloud metadata: twice', attempts(3, 100 * SECOND, { ip: '169.254.169.254', port: 80 }), 60],
  ])('%s', (_name, flows, points) => {
    expect(denialEvidence(flows)['repeated-denial']).toBe(points);
  });
});

describe('different places', () => {
  const places = (count: number, periodMs: number, port = 5432) =>
    Array.from({ length: count }, (_, index) =>
      isDenied(index * periodMs, far(`198.51.${index}.10`, port, 40_000 + index)),
    ).flat();
  const names = (list: readonly string[]) => list.flatMap((name, index) => mayNotLookUp(index * 15 * SECOND, name));
  test.each([
    ['four', places(4, 20 * SECOND), undefined],
    ['five in ten minutes', places(5, 20 * SECOND), 40],
    ['five in more than ten minutes', places(5, 3 * MINUTE), undefined],
    ['ten', places(10, 20 * SECOND), 65],
    [
      'ports of one address',
      Array.from({ length: 5 }, (_, index) =>
        isDenied(index * 500, far('203.0.113.20', 20 + index, 40_000 + index)),
      ).flat(),
      40,
    ],
    [
      'what programs ask for by themselves',
      names([
        'pypi.org',
        'registry.npmjs.org',
        'o1.ingest.sentry.io',
        'us.i.posthog.com',
        'deb.debian.org',
        'ocsp.digicert.com',
        '0.pool.ntp.org',
        'ifconfig.me',
      ]),
      undefined,
    ],
    ['five that they do not', names(['a.example', 'b.example', 'c.example', 'd.example', 'e.example']), 40],
    [
      'the addresses of one web site, where its name cannot be seen',
      [
        ...looksUpUnseen(0),
        ...Array.from({ length: 8 }, (_, index) =>
          isDenied(20 + index * 250, far(`151.101.${index}.223`, 443, 40_000 + index)),
        ).flat(),
      ],
      undefined,
    ],
    [
      'the same where no name was asked for',
      Array.from({ length: 8 }, (_, index) =>
        isDenied(20 + index * 250, far(`151.101.${index}.223`, 443, 40_000 + index)),
      ).flat(),
      40,
    ],
    [
      'pods of the cluster',
      Array.from({ length: 5 }, (_, index) =>
        isDenied(index * SECOND, far(`10.0.${index}.3`, 5432, 40_000 + index, { endpoint: otherPod(`p${index}`) })),
      ).flat(),
      40,
    ],
  ])('%s', (_name, flows, points) => {
    expect(denialEvidence(flows)['denied-places']).toBe(points);
  });
});

test('thirty refusals in an hour are held: restrict, and not more, from one kind of evidence', () => {
  const finding = judge(attempts(30, 120 * SECOND)).findings[0];
  const thirtieth = attempts(30, 120 * SECOND).filter(({ sourcePort }) => sourcePort === 40_029)[0]?.timeMs ?? 0;
  expect(finding).toMatchObject({ detector: 'ForbiddenDestination', action: 'restrict', score: 70, classes: 1 });
  expect(finding?.raisedAtMs).toBe(thirtieth + 60 * SECOND);
});

test('a pod that stops is forgotten: half an hour later little is left', () => {
  const after = opens(2 * HOUR, far('203.0.113.61', 443, 50_000, { names: ['api.example.com'] }));
  expect(denialEvidence([...attempts(10, 30 * SECOND), ...after])).toEqual({});
});

function httpRefused(count: number, periodMs: number): Flow[] {
  const http = { type: 'REQUEST', code: 403, method: 'POST', url: 'http://paste.example.com/upload' } as const;
  return Array.from({ length: count }, (_, index) =>
    sent(index * periodMs, far('203.0.113.90', 80, 40_000), { verdict: 'DROPPED', eventType: EVENT_TYPE.L7, http }),
  );
}
