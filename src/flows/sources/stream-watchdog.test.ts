import { describe, expect, it } from 'vitest';
import { blankFlow } from '../blank-flow.ts';
import type { Flow } from '../flow.ts';
import type { NodeFlows } from '../hubble-requests.ts';
import { createResumePoint } from '../resume-point.ts';
import { StreamWatchdog } from './stream-watchdog.ts';

const OPENED_MS = 50_000;

function node(name: string, seen: number, isConnected = true): NodeFlows {
  return { name, seen, isConnected, uptimeNs: 1 };
}

function flow(nodeName: string, timeMs: number): Flow {
  return { ...blankFlow(), nodeName, timeMs };
}

/** A watchdog over a stream of which the test says what arrives and what the server holds. */
function watch(nodesAtOpen: NodeFlows[]) {
  const state = { arrived: new Map<string, number>(), newest: [] as Flow[], isDrained: true, asked: 0 };
  const resume = createResumePoint();
  const arrive = (one: Flow) => {
    resume.observe(one.nodeName, one.timeMs);
    for (const name of ['', one.nodeName.slice(one.nodeName.lastIndexOf('/') + 1)]) {
      state.arrived.set(name, (state.arrived.get(name) ?? 0) + 1);
    }
  };
  let duringWait = () => {};
  const watchdog = new StreamWatchdog(
    {
      resume,
      nodesAtOpen,
      openedMs: OPENED_MS,
      newestFlows: async () => {
        state.asked += 1;
        return state.newest;
      },
      arrivedFrom: (name) => state.arrived.get(name.slice(name.lastIndexOf('/') + 1)) ?? 0,
      isDrained: () => state.isDrained,
    },
    async () => duringWait(),
  );
  return { state, arrive, watchdog, whileWaiting: (then: () => void) => void (duringWait = then) };
}

describe('a node server', () => {
  it('that sees nothing is fine, and is asked nothing', async () => {
    const { watchdog, state } = watch([node('', 7)]);
    expect(await watchdog.look([node('', 7)])).toEqual({ kind: 'fine' });
    expect(state.asked).toBe(0);
  });

  it('whose flows arrive is fine, and is asked nothing', async () => {
    const { watchdog, state, arrive } = watch([node('', 7)]);
    arrive(flow('kind/a', 1_000));
    expect(await watchdog.look([node('', 9)])).toEqual({ kind: 'fine' });
    expect(state.asked).toBe(0);
  });

  it('whose flows are none of ours is fine', async () => {
    const { watchdog, state } = watch([node('', 7)]);
    expect(await watchdog.look([node('', 9)])).toEqual({ kind: 'fine' });
    expect(state.asked).toBe(1);
  });

  it('whose newest flow of ours came long ago is fine', async () => {
    const { watchdog, state, arrive } = watch([node('', 7)]);
    arrive(flow('kind/a', 1_000));
    await watchdog.look([node('', 8)]);
    state.newest = [flow('kind/a', 900), flow('kind/a', 1_000)];
    expect(await watchdog.look([node('', 9)])).toEqual({ kind: 'fine' });
  });

  it('whose flow is only on its way is fine', async () => {
    const { watchdog, state, arrive, whileWaiting } = watch([node('', 7)]);
    state.newest = [flow('kind/a', 1_000)];
    whileWaiting(() => arrive(flow('kind/a', 1_000)));
    expect(await watchdog.look([node('', 8)])).toEqual({ kind: 'fine' });
  });

  it('whose flows have not been consumed yet is fine', async () => {
    const { watchdog, state } = watch([node('', 7)]);
    state.newest = [flow('kind/a', 1_000)];
    state.isDrained = false;
    expect(await watchdog.look([node('', 8)])).toEqual({ kind: 'fine' });
  });

  it('that has flows which do not arrive is mute; what it had when the stream was opened is asked for', async () => {
    const { watchdog, state } = watch([node('', 0)]);
    state.newest = [flow('kind/a', 60_000), flow('kind/a', 61_000)];
    const since = { kind: 'mute', nodeNames: ['kind/a'], sinceMs: OPENED_MS };
    expect(await watchdog.look([node('', 2)])).toEqual(since);
  });

  it('is asked from its oldest missing flow on when that is older than the stream', async () => {
    const { watchdog, state } = watch([node('', 0)]);
    state.newest = [flow('kind/a', 20_000), flow('kind/a', 10_000)];
    expect(await watchdog.look([node('', 2)])).toMatchObject({ kind: 'mute', sinceMs: 10_000 });
  });

  it('is asked from where it fell silent on', async () => {
    const { watchdog, state, arrive } = watch([node('', 7)]);
    arrive(flow('kind/a', 30_000));
    await watchdog.look([node('', 8)]);
    state.newest = [flow('kind/a', 55_000)];
    expect(await watchdog.look([node('', 9)])).toMatchObject({ kind: 'mute', sinceMs: 30_000 });
  });

  it('that has restarted and counts from the beginning is looked at all the same', async () => {
    const { watchdog, state } = watch([node('', 700)]);
    state.newest = [flow('kind/a', 60_000)];
    expect(await watchdog.look([node('', 2)])).toMatchObject({ kind: 'mute' });
  });
});

describe('a relay', () => {
  it('is mute for the one node whose flows do not arrive', async () => {
    const { watchdog, state, arrive } = watch([node('kind/a', 7), node('kind/b', 7)]);
    arrive(flow('kind/a', 70_000));
    state.newest = [flow('kind/a', 70_001), flow('kind/b', 69_000)];
    const report = await watchdog.look([node('kind/a', 9), node('kind/b', 9)]);
    expect(report).toEqual({ kind: 'mute', nodeNames: ['kind/b'], sinceMs: OPENED_MS });
  });

  it('whose flows name their node without the cluster is understood', async () => {
    const { watchdog, state, arrive } = watch([node('default/a', 7), node('default/b', 7)]);
    arrive(flow('a', 70_000));
    state.newest = [flow('b', 69_000)];
    const report = await watchdog.look([node('default/a', 9), node('default/b', 9)]);
    expect(report).toMatchObject({ kind: 'mute', nodeNames: ['b'] });
  });

  it.each([
    ['is missing', [node('kind/b', 9, false)]],
    ['has only just come', [node('kind/c', 9)]],
  ])('is fine when a node %s', async (_, nodes) => {
    const { watchdog, state } = watch([node('kind/b', 7)]);
    state.newest = [flow('kind/b', 69_000), flow('kind/c', 69_000)];
    expect(await watchdog.look(nodes)).toEqual({ kind: 'fine' });
  });
});
