/**
 * The table that fixes the weights: what each scenario must score, from how many independent kinds of evidence, and what
 * it must lead to. Each row is told in flows as it would happen; the scores are the arithmetic of the weights, worked out by
 * hand beside it. Rows about detectors that do not exist yet are left out.
 */
import { describe, expect, test } from 'vitest';
import { ACTIONS, type Action } from '../../src/detect/finding.ts';
import type { WatchedSandbox } from '../../src/detect/watch.ts';
import type { Flow } from '../../src/flows/flow.ts';
import {
  allow,
  asks,
  closes,
  every,
  far,
  HOUR,
  isDenied,
  isRefused,
  isTold,
  judge,
  looksUp,
  MINUTE,
  mayNotLookUp,
  opens,
  otherPod,
  SECOND,
  sandboxOf,
  sent,
} from './scenario.ts';

const SSH = far('203.0.113.9', 22, 40_000);
const inside = (index: number) =>
  far(`10.0.3.${10 + index}`, 5432, 41_000 + index, { endpoint: otherPod(`db-${index}`) });

/** `ssh -R` by address for a time, with or without keepalive. */
function sshByAddress(minutes: number, keepaliveMs?: number): Flow[] {
  const periods = keepaliveMs ?? 0;
  const traffic =
    periods > 0
      ? every(periods, periods, minutes * MINUTE, (at) => asks(at, SSH))
      : // A clone: data all the time, which Hubble shows every 5 to 9 seconds.
        [5, 8, 6, 9, 5, 7, 2].flatMap((step, index) =>
          every(97 * SECOND, (index * 13 + step) * SECOND, minutes * MINUTE, (at) => asks(at, SSH)),
        );
  return [...opens(0, SSH), ...traffic, ...asks(minutes * MINUTE, SSH)];
}

/** Stratum: a job now and then, a share now and then; nothing regular about it. */
function stratum(minutes: number, place = far('203.0.113.66', 14444, 40_100)): Flow[] {
  const beats = [4, 17, 9, 31, 6, 22, 12, 41, 8, 27, 14, 35];
  const flows = opens(0, place);
  let atMs = 0;
  for (let index = 0; atMs < minutes * MINUTE; index += 1) {
    atMs += (beats[index % beats.length] ?? 10) * SECOND;
    flows.push(...(index % 2 === 0 ? isTold(atMs, place) : asks(atMs, place)));
  }
  return flows;
}

/** What comes in through the tunnel goes on inside within milliseconds. */
function pivots(times: number, fromMs: number): Flow[] {
  return Array.from({ length: times }, (_, index) => {
    const atMs = fromMs + index * 95 * SECOND;
    return [...isTold(atMs, SSH), ...opens(atMs + 3, inside(index)), ...closes(atMs + 40, inside(index))];
  }).flat();
}

const deniedPlaces = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    isDenied(
      index * 12 * SECOND,
      far(`10.0.${20 + index}.7`, 6379, 42_000 + index, { endpoint: otherPod(`p${index}`) }),
    ),
  ).flat();

interface Row {
  scenario: string;
  flows: Flow[];
  sandbox?: WatchedSandbox;
  /** Score of the pod: its leading finding with all others. */
  score: number;
  /** Independent kinds of evidence in all findings of the pod together. */
  kinds: number;
  action: Action;
}

const LLM = far('203.0.113.60', 443, 40_200, { names: ['llm.example.com'] });

const ROWS: Row[] = [
  {
    scenario: 'git over ssh to a named forge',
    flows: [
      ...looksUp(0, 'github.com', '203.0.113.30'),
      ...opens(10, far('203.0.113.30', 22, 40_000)),
      ...every(6 * SECOND, 6 * SECOND, 90 * SECOND, (at) => asks(at, far('203.0.113.30', 22, 40_000))),
      ...closes(95 * SECOND, far('203.0.113.30', 22, 40_000)),
    ],
    score: 0,
    kinds: 0,
    action: 'none',
  },
  {
    scenario: 'declared LLM stream of 14 minutes with a ping every 30 s',
    flows: [...opens(0, LLM), ...every(30 * SECOND, 30 * SECOND, 14 * MINUTE, (at) => isTold(at, LLM))],
    sandbox: sandboxOf({ egress: allow([{ fqdn: 'llm.example.com' }], 443) }),
    score: 0,
    kinds: 0,
    action: 'none',
  },
  {
    scenario: 'search path of ndots:5, three suffixes, A and AAAA, a hundred lookups',
    flows: every(5 * SECOND, 0, 100 * 5 * SECOND, (at) => [
      ...['agents.svc.cluster.local', 'svc.cluster.local', 'cluster.local'].flatMap((suffix, index) =>
        looksUp(at + index * 10, `api.example.com.${suffix}`),
      ),
      ...looksUp(at + 40, 'api.example.com', '203.0.113.61'),
    ]),
    score: 0,
    kinds: 0,
    action: 'none',
  },
  {
    scenario: 'NTP: the same port for hours, every 64 s, by a pool name and by address',
    flows: ['203.0.113.50', '203.0.113.51'].flatMap((ip, index) => {
      const server = far(ip, 123, 123, { protocol: 'UDP', ...(index === 0 ? { names: ['0.pool.ntp.org'] } : {}) });
      return [...opens(index, server), ...every(64 * SECOND, 64 * SECOND, 2 * HOUR, (at) => asks(at + index, server))];
    }),
    score: 0,
    kinds: 0,
    action: 'none',
  },
  {
    scenario: 'blocked pip, 30 tries in an hour (70 × 0.25 = 17.5)',
    flows: every(2 * MINUTE, 0, 58 * MINUTE, (at) => mayNotLookUp(at, 'pypi.org')),
    score: 18,
    kinds: 1,
    action: 'none',
  },
  {
    scenario: 'Jupyter on 8888 outside, named (1 − .9·.75)',
    flows: [
      ...looksUp(0, 'notebook.example.com', '203.0.113.70'),
      ...stratum(15, far('203.0.113.70', 8888, 40_300)).map((flow) => ({ ...flow, timeMs: flow.timeMs + 10 })),
    ],
    score: 32,
    kinds: 2,
    action: 'watch',
  },
  {
    scenario: 'git over ssh to an own forge by address, 12 min (1 − .55·.65)',
    flows: sshByAddress(12),
    score: 64,
    kinds: 2,
    action: 'alert',
  },
  {
    scenario: 'ssh -R by address, 12 min with keepalive, no pivot (1 − .55·.65·.75)',
    flows: sshByAddress(12, 30 * SECOND),
    score: 73,
    kinds: 3,
    action: 'restrict',
  },
  {
    scenario: 'miner at an unlisted address, port 14444, 15 min (1 − .6·.75·.65)',
    flows: stratum(15),
    score: 71,
    kinds: 3,
    action: 'restrict',
  },
  {
    scenario: 'five denied first contacts (1 − .4·.6)',
    flows: deniedPlaces(5),
    score: 76,
    kinds: 2,
    action: 'restrict',
  },
  {
    scenario: 'ssh -R with keepalive and four pivots (1 − .55·.65·.75·.6)',
    flows: [...sshByAddress(14, 30 * SECOND), ...pivots(4, 7 * MINUTE + 13 * SECOND)],
    score: 84,
    kinds: 4,
    action: 'quarantine',
  },
  {
    scenario: 'the host that ngrok’s agent connects to',
    flows: [...looksUp(0, 'connect.ngrok-agent.com', '203.0.113.80'), ...opens(50, far('203.0.113.80', 443, 40_400))],
    score: 90,
    kinds: 1,
    action: 'quarantine',
  },
  {
    scenario: 'a mining pool, named, on 443 (on a miner’s port that adds 40: 1 − .05·.6)',
    flows: [...looksUp(0, 'pool.supportxmr.com', '203.0.113.67'), ...opens(50, far('203.0.113.67', 443, 40_500))],
    score: 95,
    kinds: 1,
    action: 'quarantine',
  },
  {
    scenario: '15 ports of one place, five of them denied, ten refused (1 − .4·.5·.6)',
    flows: Array.from({ length: 15 }, (_, index) => {
      const port = far('10.0.3.7', 8000 + index, 43_000, { endpoint: otherPod('vault') });
      return index < 10 ? isRefused(index * 400, port) : isDenied(index * 400, port);
    }).flat(),
    score: 88,
    kinds: 3,
    action: 'quarantine',
  },
  {
    scenario: 'a miner behind a private TLS proxy, named, 443: only a keepalive shows',
    flows: [
      ...looksUp(0, 'cdn.example.net', '203.0.113.90'),
      ...opens(50, far('203.0.113.90', 443, 40_600)),
      ...every(60 * SECOND, 60 * SECOND, 15 * MINUTE, (at) => asks(at, far('203.0.113.90', 443, 40_600))),
    ],
    score: 25,
    kinds: 1,
    action: 'none',
  },
  {
    scenario: 'chisel on an own domain, 443, used to go inside: looks like a web socket and tool calls',
    flows: [
      ...looksUp(0, 'relay.example.net', '203.0.113.91'),
      ...opens(50, far('203.0.113.91', 443, 40_700)),
      ...every(25 * SECOND, 25 * SECOND, 15 * MINUTE, (at) => asks(at, far('203.0.113.91', 443, 40_700))),
      ...Array.from({ length: 4 }, (_, index) => [
        ...isTold((9 + index) * MINUTE + 12 * SECOND, far('203.0.113.91', 443, 40_700)),
        ...opens((9 + index) * MINUTE + 12 * SECOND + 5, inside(index)),
      ]).flat(),
    ],
    score: 25,
    kinds: 1,
    action: 'none',
  },
];

describe('scenario, score, kinds of evidence, action', () => {
  test.each(ROWS)('$scenario', ({ flows, sandbox, score, kinds, action }) => {
    const { pod, seen } = judgePod(flows, sandbox);
    expect({ score: pod.score, kinds: pod.kinds, action: pod.action }, seen).toEqual({ score, kinds, action });
  });
});

test('the ROME mix: denials, a tunnel that is used, a scan (1 − .6·.33·.4 = 92)', () => {
  const tunnel = [...opens(0, SSH), ...every(47 * SECOND, 20 * SECOND, 4 * MINUTE, (at) => asks(at, SSH))];
  const scan = [0, 1, 2, 3, 4].flatMap((index) => isRefused(5 * MINUTE + index * 700, inside(20 + index)));
  const denied = [0, 1, 2, 3, 4].flatMap((index) =>
    mayNotLookUp(6 * MINUTE + index * 11 * SECOND, `host-${index}.example.net`),
  );
  const { pod, seen } = judgePod([...tunnel, ...pivots(3, 30 * SECOND), ...scan, ...denied]);
  // Port and topology of the tunnel, outcome of the scan, denial.
  expect({ score: pod.score, kinds: pod.kinds, action: pod.action }, seen).toEqual({
    score: 92,
    kinds: 4,
    action: 'quarantine',
  });
});

test('a connection that is only attempted: SYN without answer to ssh is no tunnel', () => {
  expect(judge([sent(0, SSH, { tcpFlags: 2, traceReason: 'NEW' })]).findings).toEqual([]);
});

/** The pod as a whole: its score before anything fades, the kinds of evidence, and the highest rung. */
function judgePod(flows: readonly Flow[], sandbox: WatchedSandbox = sandboxOf()) {
  const { findings, open, told } = judge(flows, { sandbox });
  const all = [...told, ...open];
  const pod = {
    score: Math.max(0, ...all.map(({ podScore }) => podScore)),
    kinds: new Set(all.flatMap(({ evidence }) => evidence.map((one) => one.class))).size,
    action: ACTIONS.findLast((action) => findings.some((finding) => finding.action === action)) ?? 'none',
  };
  const seen = all.map(({ detector, explanation }) => `${detector}: ${explanation}`).join('\n');
  return { pod, seen };
}
