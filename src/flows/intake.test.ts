import { expect, it } from 'vitest';
import { blankFlow } from './blank-flow.ts';
import { failed } from './decoded.ts';
import type { FlowEvent, NodeStatus } from './flow.ts';
import { createIntake } from './intake.ts';

function flow(uuid: string, timeMs = 1, nodeName = 'a'): FlowEvent {
  return { kind: 'flow', flow: { ...blankFlow(), uuid, timeMs, nodeName } };
}

function node(state: NodeStatus['state'], ...nodeNames: string[]): FlowEvent {
  return { kind: 'node', node: { timeMs: 1, state, nodeNames, message: '' } };
}

it('passes on what is new and counts the rest', () => {
  const failures: string[] = [];
  const intake = createIntake({ onFailure: (failure) => failures.push(failure.message) });
  const lost: FlowEvent = { kind: 'lost', lost: { timeMs: 1, nodeName: 'a', source: 'X', count: 17 } };
  const passed = [
    flow('1', 30),
    flow('2', 20),
    flow('1', 30),
    lost,
    failed('NotJson', 'line 4', 'not JSON'),
    { kind: 'skipped' } as const,
  ].flatMap((decoded) => intake.take(decoded) ?? []);
  expect(passed).toEqual([flow('1', 30), flow('2', 20), lost]);
  expect(intake.health()).toMatchObject({ received: 3, duplicates: 1, lost: 17, undecodable: 1, lastFlowTimeMs: 30 });
  expect(failures).toEqual(['line 4: not JSON']);
});

it('has no time of a newest flow before the first', () => {
  expect(createIntake().health().lastFlowTimeMs).toBeUndefined();
});

it('knows which nodes are missing', () => {
  const intake = createIntake();
  const missing = () => [...intake.health().unavailableNodes].sort();
  intake.take(node('UNAVAILABLE', 'a', 'b'));
  intake.take(node('ERROR', 'c'));
  intake.take(node('UNKNOWN', 'd'));
  expect(missing()).toEqual(['a', 'b', 'c']);
  intake.take(node('CONNECTED', 'a'));
  intake.take(node('GONE', 'b'));
  expect(missing()).toEqual(['c']);
  intake.take(flow('1', 1, 'c')); // a relay does not say when a node is back
  expect(missing()).toEqual([]);
  intake.take(node('ERROR', 'x'));
  intake.setUnavailable(['y']);
  expect(missing()).toEqual(['y']);
});

it('says whether it is connected, and why not', () => {
  const intake = createIntake();
  intake.setConnected(true);
  expect(intake.health()).toMatchObject({ connected: true, error: undefined });
  intake.setConnected(false, 'refused');
  expect(intake.health()).toMatchObject({ connected: false, error: 'refused' });
});
