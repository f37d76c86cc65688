import { expect, it } from 'vitest';
import type { NodeFlows } from './hubble-requests.ts';
import { createRestartWatch } from './restarts.ts';

/** What a node says that has been up for so many seconds; undefined when it does not answer. */
function node(name: string, uptimeSeconds: number | undefined): NodeFlows {
  const isConnected = uptimeSeconds !== undefined;
  return { name, uptimeNs: (uptimeSeconds ?? 0) * 1e9, isConnected, seen: 0 };
}

/** An answer at so many seconds, which took a second. */
function at(seconds: number, ...nodes: NodeFlows[]) {
  return { nodes, askedMs: seconds * 1_000, answeredMs: seconds * 1_000 + 1_000 };
}

it.each([
  ['that is new', [at(100, node('a', 5))], []],
  ['that goes on', [at(100, node('a', 5)), at(110, node('a', 15))], []],
  ['that answers early once and late once', [at(100, node('a', 5)), at(110, node('a', 16))], []],
  ['that answers late once and early once', [at(100, node('a', 6)), at(110, node('a', 15))], []],
  ['that has restarted', [at(100, node('a', 500)), at(110, node('a', 3))], ['a']],
  ['that has restarted and is up for longer than it was', [at(100, node('a', 1)), at(110, node('a', 8))], ['a']],
  [
    'that has restarted among others',
    [at(100, node('a', 50), node('b', 50)), at(110, node('a', 60), node('b', 1))],
    ['b'],
  ],
  ['that is missing', [at(100, node('a', 5)), at(110, node('a', undefined))], []],
  [
    'that was missing and has restarted',
    [at(100, node('a', 5)), at(110, node('a', undefined)), at(120, node('a', 2))],
    ['a'],
  ],
  [
    'that was missing and has not restarted',
    [at(100, node('a', 5)), at(110, node('a', undefined)), at(120, node('a', 25))],
    [],
  ],
  ['that had restarted before', [at(100, node('a', 50)), at(110, node('a', 2)), at(120, node('a', 12))], []],
])('a node %s', (_, answers, expected) => {
  expect(answers.map(createRestartWatch()).at(-1)).toEqual(expected);
});
