import { describe, expect, test } from 'vitest';
import {
  AGENT,
  asks,
  engineOf,
  every,
  far,
  flowOf,
  isDenied,
  isRefused,
  judge,
  looksUp,
  MINUTE,
  opens,
  otherPod,
  outline,
  received,
  SECOND,
  sandboxOf,
  sent,
  T0,
} from '../../test/detect/scenario.ts';
import { type Flow, TCP_FLAG } from '../flows/flow.ts';
import type { Finding } from './finding.ts';
import type { WatchedSandbox } from './watch.ts';

const SSH = far('203.0.113.9', 22, 40_000);
const NGROK = far('203.0.113.80', 443, 40_001);
const scan = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    isRefused(i * 100, { ...far('10.0.1.7', 8000 + i, 41_000), endpoint: otherPod('vault') }),
  ).flat();

function tell(flows: readonly Flow[]): { told: Finding[]; engine: ReturnType<typeof engineOf> } {
  const told: Finding[] = [];
  const engine = engineOf({}, (finding) => told.push(finding));
  flows.forEach((flow) => engine.ingest({ kind: 'flow', flow }));
  return { told, engine };
}

describe('a hit that is hard by itself', () => {
  const flows = [...looksUp(0, 'connect.ngrok-agent.com', NGROK.ip), ...opens(100, NGROK)];

  test('is told with the packet that shows it, before anything else is in order', () => {
    const { told } = tell(flows.slice(0, 3));
    expect(told.map(({ action, score, raisedAtMs }) => ({ action, score, raisedAtMs }))).toEqual([
      { action: 'quarantine', score: 90, raisedAtMs: flows[2]?.timeMs },
    ]);
  });

  test('is the same finding when its turn comes', () => {
    const early = tell(flows).told[0];
    const { findings } = judge(flows);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({
      key: early?.key,
      action: 'quarantine',
      raisedAtMs: early?.raisedAtMs,
      score: 90,
    });
  });

  test('is told early where Hubble names the address, too', () => {
    const named = { ...NGROK, names: ['connect.ngrok-agent.com'] };
    expect(tell(opens(0, named).slice(0, 1)).told.map(({ action }) => action)).toEqual(['quarantine']);
  });

  test.each<[string, Flow[], Partial<WatchedSandbox>]>([
    ['denied', [...looksUp(0, 'connect.ngrok-agent.com', NGROK.ip), ...isDenied(100, NGROK)], {}],
    ['an answer only', [received(0, { ...NGROK, names: ['connect.ngrok-agent.com'] })], {}],
    [
      'the detector is off',
      flows,
      {
        detection: { sensitivity: 'Balanced', detectors: [{ name: 'ReverseTunnel', action: 'None' }], exemptions: [] },
      },
    ],
    [
      'the destination is exempt',
      flows,
      {
        detection: {
          sensitivity: 'Balanced',
          detectors: [],
          exemptions: [
            { detectors: ['ReverseTunnel'], destination: { fqdn: 'connect.ngrok-agent.com' }, reason: 'our own' },
          ],
        },
      },
    ],
  ])('is not told early when %s', (_name, given, over) => {
    const told: Finding[] = [];
    const engine = engineOf({ sandbox: sandboxOf(over) }, (finding) => told.push(finding));
    given.forEach((flow) => engine.ingest({ kind: 'flow', flow }));
    expect(told).toEqual([]);
  });
});

describe('the settings of a sandbox', () => {
  const detection = (over: Partial<WatchedSandbox['detection']>) =>
    sandboxOf({ detection: { sensitivity: 'Balanced', detectors: [], exemptions: [], ...over } });
  const flows = [...scan(15), ...opens(20 * SECOND, SSH)];

  test('None: no finding of that detector, and nothing of it in the pod’s score', () => {
    const { findings } = judge(flows, {
      sandbox: detection({ detectors: [{ name: 'InternalProbing', action: 'None' }] }),
    });
    expect(findings.map(({ detector, podScore }) => ({ detector, podScore }))).toEqual([
      { detector: 'ReverseTunnel', podScore: 45 },
    ]);
  });

  test.each([
    ['Alert', 'alert'],
    ['Restrict', 'restrict'],
    ['Quarantine', 'quarantine'],
    ['Suspend', 'quarantine'],
  ] as const)('%s is the most a finding of it may cause', (action, reached) => {
    const { findings } = judge(scan(15), { sandbox: detection({ detectors: [{ name: 'InternalProbing', action }] }) });
    expect(findings.map((finding) => finding.action)).toEqual([reached]);
  });

  test('what a limited detector adds lifts no other finding above that limit', () => {
    // 45 and 80 together are 89; of what may quarantine there is only the 45.
    const { of } = judge(flows, { sandbox: detection({ detectors: [{ name: 'InternalProbing', action: 'Alert' }] }) });
    expect(of('InternalProbing')?.action).toBe('alert');
    expect(of('ReverseTunnel')).toMatchObject({ action: 'watch', podScore: 89 });
  });

  test('an exemption makes a detector pass over a destination, for its time, and no other detector', () => {
    const until = (ms: number) =>
      detection({
        exemptions: [
          {
            detectors: ['ReverseTunnel'],
            destination: { cidr: '203.0.113.0/24' },
            reason: 'own relay',
            expires: new Date(T0 + ms).toISOString(),
          },
        ],
      });
    const both = [
      ...opens(0, SSH),
      ...opens(10, far('203.0.113.9', 3333, 40_002)),
      ...opens(10 * SECOND, { ...SSH, from: 40_003 }),
    ];
    expect(outline(judge(both, { sandbox: until(MINUTE) }).findings)).toEqual(['CryptoMining watch 40: miner-port 40']);
    expect(outline(judge(both, { sandbox: until(5 * SECOND) }).findings)).toEqual([
      'CryptoMining watch 40: miner-port 40',
      // 45 and 40 are 67 together.
      'ReverseTunnel alert 45: ssh-to-outside 45',
    ]);
  });

  test('sensitivity moves the rungs', () => {
    const at = (sensitivity: WatchedSandbox['detection']['sensitivity']) =>
      judge(opens(0, SSH), { sandbox: detection({ sensitivity }) }).findings[0]?.action;
    expect([at('Relaxed'), at('Balanced'), at('Strict')]).toEqual(['watch', 'watch', 'alert']);
  });

  test('that change take effect with the next flow', () => {
    const told: Finding[] = [];
    let sandbox = detection({ detectors: [{ name: 'ReverseTunnel', action: 'None' }] });
    const setting = {
      get sandbox() {
        return sandbox;
      },
    };
    const engine = engineOf(setting, (finding) => told.push(finding));
    opens(0, SSH).forEach((flow) => engine.ingest({ kind: 'flow', flow }));
    sandbox = detection({});
    engine.forget('agents/agent-0');
    const fresh = engineOf({ sandbox }, (finding) => told.push(finding));
    opens(10 * SECOND, { ...SSH, from: 40_009 }).forEach((flow) => fresh.ingest({ kind: 'flow', flow }));
    fresh.flush();
    expect(told.map(({ detector }) => detector)).toEqual(['ReverseTunnel']);
  });
});

describe('what is not this pod’s doing', () => {
  test.each<[string, Flow[]]>([
    [
      'pods that are not watched',
      scan(15).map((flow) => ({
        ...flow,
        source: { ...flow.source, namespace: 'other' },
        destination: { ...flow.destination, namespace: 'other' },
      })),
    ],
    [
      'copies by the node of the other end',
      scan(15).map((flow) => ({
        ...flow,
        nodeName: 'node-2',
        source: { ...flow.source, id: flow.source === AGENT ? 0 : 7 },
        destination: { ...flow.destination, id: flow.destination === AGENT ? 0 : 7 },
      })),
    ],
    [
      'answers it gives as a server',
      scan(15)
        .filter(({ source }) => source === AGENT)
        .map((flow) => ({ ...flow, isReply: true })),
    ],
    [
      'what the socket layer says before translation',
      scan(15).map((flow) => ({ ...flow, verdict: 'TRACED' as const, eventType: 7 })),
    ],
    [
      'neighbour discovery and the like',
      Array.from({ length: 40 }, (_, i) =>
        flowOf(i * SECOND, {
          protocol: 'ICMPv6',
          icmpType: 133,
          icmpCode: 0,
          tcpFlags: 0,
          destinationIp: 'ff02::2',
          verdict: 'DROPPED',
          dropReason: 139,
        }),
      ),
    ],
  ])('%s', (_name, flows) => {
    expect(judge(flows).open).toEqual([]);
  });

  test('sources that know no endpoint ids are taken as they come', () => {
    const without = scan(15).map((flow) => ({
      ...flow,
      source: { ...flow.source, id: 0 },
      destination: { ...flow.destination, id: 0 },
    }));
    expect(judge(without).of('InternalProbing')?.action).toBe('quarantine');
  });
});

describe('time', () => {
  test('a hold ends although nothing more arrives, at its exact end', () => {
    const told: Finding[] = [];
    const engine = engineOf({}, (finding) => told.push(finding));
    scan(15).forEach((flow) => engine.ingest({ kind: 'flow', flow }));
    // The fifteenth port is opened at 1.4 s.
    const reached = T0 + 1400 + 30 * SECOND;
    engine.advance(reached + 1999);
    expect(told.map(({ action }) => action)).toEqual(['alert', 'alert']);
    engine.advance(reached + 3000);
    expect(told.at(-1)).toMatchObject({ action: 'quarantine', raisedAtMs: reached });
  });

  test('one flow from the future moves nothing', () => {
    const future = sent(0, far('203.0.113.50', 443, 44_000), { timeMs: T0 + 365 * 24 * 3600 * SECOND });
    const flows = scan(15);
    const mixed = judge([...flows.slice(0, 20), future, ...flows.slice(20)], { inOrder: false });
    expect(mixed.stats.future).toBe(1);
    expect(mixed.of('InternalProbing')?.raisedAtMs).toBe(judge(scan(15)).of('InternalProbing')?.raisedAtMs);
  });

  test('flows that come too late are judged, and what they leave open is not held against the pod', () => {
    const silent = Array.from({ length: 6 }, (_, i) =>
      sent(i * 100, far(`10.0.2.${i}`, 80, 42_000 + i), { tcpFlags: TCP_FLAG.SYN, traceReason: 'NEW' }),
    );
    const late = judge([...opens(MINUTE, far('203.0.113.61', 443, 43_000, { names: ['a.example.com'] })), ...silent], {
      inOrder: false,
    });
    expect(late.stats.late).toBe(6);
    expect(late.findings).toEqual([]);
    const refused = judge(
      [...opens(MINUTE, far('203.0.113.61', 443, 43_000, { names: ['a.example.com'] })), ...scan(15)],
      { inOrder: false },
    );
    expect(refused.of('InternalProbing')?.score).toBe(80);
  });

  test('pods are judged by their own node’s time', () => {
    const other = { ...AGENT, podName: 'agent-1' };
    const ahead = opens(90 * SECOND, SSH).map((flow) => ({
      ...flow,
      nodeName: 'node-2',
      source: flow.source === AGENT ? other : flow.source,
      destination: flow.destination === AGENT ? other : flow.destination,
    }));
    const { stats, of } = judge([...ahead, ...scan(15)], { inOrder: false });
    expect(stats.late).toBe(0);
    expect(of('InternalProbing')?.action).toBe('quarantine');
  });
});

describe('what is told', () => {
  test('repeats at most every ten seconds, and the last state in the end', () => {
    const flows = [...opens(0, SSH), ...every(SECOND, SECOND, 60 * SECOND, (at) => asks(at, SSH))];
    const { told } = judge(flows);
    expect(told.length).toBeLessThanOrEqual(8);
    expect(told.at(-1)?.lastSeenMs).toBeGreaterThanOrEqual(T0 + 50 * SECOND);
  });

  test('at most ten flows, the first and the last among them', () => {
    const flows = [...opens(0, SSH), ...every(15 * SECOND, 15 * SECOND, 10 * MINUTE, (at) => asks(at, SSH))];
    const shown = judge(flows).of('ReverseTunnel')?.flows ?? [];
    expect(shown.length).toBe(10);
    expect(shown[0]?.uuid).toBe(flows[2]?.uuid);
    expect(shown.map(({ timeMs }) => timeMs)).toEqual(shown.map(({ timeMs }) => timeMs).toSorted((a, b) => a - b));
  });

  test('names a pod may have chosen are escaped', () => {
    const evil = 'a\u001b[31m\u202e.ngrok.io';
    const { told } = judge([...looksUp(0, evil, '203.0.113.7'), ...opens(10, far('203.0.113.7', 443, 40_000))]);
    const text = told
      .map(({ target, explanation, evidence }) => [target, explanation, ...evidence.map(({ value }) => value)].join())
      .join();
    expect(text).toContain('a\\u{1b}[31m\\u{202e}.ngrok.io');
    expect(text).not.toContain('\u001b');
    expect(text).not.toContain('\u202e');
  });

  test('the leading finding names the others it rests on', () => {
    const { of } = judge([...scan(15), ...opens(5 * SECOND, SSH)]);
    expect(of('InternalProbing')?.explanation).toMatch(/Together with ReverseTunnel \(45\) the pod scores 89\.$/);
    expect(of('ReverseTunnel')?.explanation).not.toContain('Together');
  });
});

describe('bounds', () => {
  test('pods: the quietest is forgotten', () => {
    const flows = Array.from({ length: 30 }, (_, i) =>
      opens(i * SECOND, SSH).map((flow) => ({
        ...flow,
        source: flow.source === AGENT ? { ...AGENT, podName: `agent-${i}` } : flow.source,
        destination: flow.destination === AGENT ? { ...AGENT, podName: `agent-${i}` } : flow.destination,
      })),
    ).flat();
    const { stats } = judge(flows, { limits: { pods: 10 } });
    expect(stats.pods).toBe(10);
    expect(stats.evicted.pods).toBe(20);
  });

  test('findings: a flood of weak ones does not push out the strong one', () => {
    const weak = Array.from({ length: 200 }, (_, i) =>
      opens(MINUTE + i * 50, far(`198.51.${i}.1`, 22, 45_000 + i)),
    ).flat();
    const { open, of } = judge([...scan(15), ...weak], { limits: { findings: 8 } });
    expect(open.length).toBeLessThanOrEqual(8);
    expect(of('InternalProbing')?.action).toBe('quarantine');
    expect(open[0]?.detector).toBe('InternalProbing');
  });

  test('nodes: whatever names flows carry, streams stay few', () => {
    const flows = Array.from({ length: 50 }, (_, i) =>
      opens(i * 100, { ...SSH, from: 40_000 + i }).map((flow) => ({ ...flow, nodeName: `node-${i}` })),
    ).flat();
    expect(judge(flows, { limits: { nodes: 5 } }).of('ReverseTunnel')?.score).toBe(45);
  });

  test('forgetting a pod frees it, and its story begins anew', () => {
    const { engine, told } = tell([...scan(15), ...opens(MINUTE, SSH)]);
    engine.forget('agents/agent-0');
    expect(engine.stats().pods).toBe(0);
    engine.flush();
    expect(engine.findingsOf('agents/agent-0').map(({ detector }) => detector)).toEqual(['ReverseTunnel']);
    expect(told.at(-1)).toMatchObject({ detector: 'ReverseTunnel', podScore: 45 });
  });
});
