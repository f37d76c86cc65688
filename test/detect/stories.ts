/**
 * Random but plausible stories of a pod, for properties: some of everything that detectors look at, in any order.
 */
import fc from 'fast-check';
import type { Flow } from '../../src/flows/flow.ts';
import {
  asks,
  closes,
  every,
  far,
  isDenied,
  isIgnored,
  isRefused,
  isTold,
  looksUp,
  looksUpUnseen,
  mayNotLookUp,
  opens,
  otherPod,
  SECOND,
} from './scenario.ts';

const outside = fc.record({
  host: fc.nat(5),
  port: fc.constantFrom(22, 80, 443, 3333, 8888, 14_444),
  from: fc.integer({ min: 20_000, max: 59_999 }),
  isNamed: fc.boolean(),
});

const inside = fc.record({
  host: fc.nat(40),
  port: fc.constantFrom(22, 80, 443, 5432, 8080),
  from: fc.integer({ min: 20_000, max: 59_999 }),
});

const NAMES = [
  'api.example.com',
  'github.com',
  'connect.ngrok-agent.com',
  'x.ngrok.io',
  'xmr-eu1.nanopool.org',
  'pypi.org',
  'a.dev.svc.cluster.local',
];

type Step = (atMs: number) => Flow[];

const step: fc.Arbitrary<Step> = fc.oneof(
  outside.map(({ host, port, from, isNamed }): Step => {
    const to = far(`203.0.113.${host}`, port, from, isNamed ? { names: [NAMES[host] ?? 'a.example.com'] } : {});
    return (at) => [
      ...opens(at, to),
      ...every(30 * SECOND, at + 20 * SECOND, at + 700 * SECOND, (later) => asks(later, to)),
    ];
  }),
  outside.map(
    ({ host, port, from }): Step =>
      (at) =>
        isDenied(at, far(`203.0.113.${host}`, port, from)),
  ),
  outside.map(
    ({ host, port, from }): Step =>
      (at) =>
        isTold(at, far(`203.0.113.${host}`, port, from)),
  ),
  outside.map(
    ({ host, port, from }): Step =>
      (at) =>
        closes(at, far(`203.0.113.${host}`, port, from)),
  ),
  inside.map(
    ({ host, port, from }): Step =>
      (at) =>
        opens(at, far(`10.0.1.${host}`, port, from, { endpoint: otherPod(`p${host}`) })),
  ),
  inside.map(
    ({ host, port, from }): Step =>
      (at) =>
        isRefused(at, far(`10.0.1.${host}`, port, from, { endpoint: otherPod(`p${host}`) })),
  ),
  inside.map(
    ({ host, port, from }): Step =>
      (at) =>
        isDenied(at, far(`10.0.2.${host}`, port, from)),
  ),
  inside.map(
    ({ host, port, from }): Step =>
      (at) =>
        isIgnored(at, far(`10.0.3.${host}`, port, from)),
  ),
  fc.constantFrom(...NAMES).map(
    (name): Step =>
      (at) =>
        looksUp(at, name, `203.0.113.${NAMES.indexOf(name)}`),
  ),
  fc.constantFrom(...NAMES).map(
    (name): Step =>
      (at) =>
        mayNotLookUp(at, name),
  ),
  fc.constant<Step>((at) => looksUpUnseen(at)),
);

/** Flows of up to forty steps within a quarter of an hour, in the order of time. */
export const story: fc.Arbitrary<Flow[]> = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 900 * SECOND }), step), { minLength: 1, maxLength: 40 })
  .map((steps) =>
    steps.flatMap(([atMs, happens]) => happens(atMs)).sort((a, b) => a.timeMs - b.timeMs || (a.uuid < b.uuid ? -1 : 1)),
  );

/** The same flows as they may arrive: each up to the lateness after its time. */
export function arriving(flows: readonly Flow[], delaysMs: readonly number[]): Flow[] {
  return flows
    .map((flow, index) => ({ flow, at: flow.timeMs + (delaysMs[index % delaysMs.length] ?? 0) }))
    .sort((a, b) => a.at - b.at)
    .map(({ flow }) => flow);
}
