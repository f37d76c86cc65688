/**
 * Several sources of flows as one, in the order of event time as far as each of them is in order itself.
 */
import type { FlowEvent, FlowSource } from '../../flows/flow.ts';

interface Cursor {
  batches: AsyncIterator<readonly FlowEvent[]>;
  batch: readonly FlowEvent[];
  next: number;
}

/** @throws what a source throws. */
export async function* mergeByTime(sources: readonly FlowSource[], signal: AbortSignal): AsyncGenerator<FlowEvent> {
  const cursors: Cursor[] = sources.map((source) => ({
    batches: source.batches(signal)[Symbol.asyncIterator](),
    batch: [],
    next: 0,
  }));
  let open = await refilled(cursors);
  while (open.length > 0) {
    const first = open.reduce((a, b) => (headTimeMs(b) < headTimeMs(a) ? b : a));
    const event = first.batch[first.next];
    first.next += 1;
    if (event !== undefined) {
      yield event;
    }
    if (first.next >= first.batch.length) {
      open = await refilled(open);
    }
  }
}

/** Gives every empty cursor its next batch; leaves out those that have none. */
async function refilled(cursors: readonly Cursor[]): Promise<Cursor[]> {
  const open: Cursor[] = [];
  for (const cursor of cursors) {
    let isOpen = true;
    while (isOpen && cursor.next >= cursor.batch.length) {
      const { done, value } = await cursor.batches.next();
      cursor.next = 0;
      cursor.batch = done === true ? [] : value;
      isOpen = done !== true;
    }
    if (isOpen) {
      open.push(cursor);
    }
  }
  return open;
}

function headTimeMs({ batch, next }: Cursor): number {
  const event = batch[next];
  switch (event?.kind) {
    case 'flow':
      return event.flow.timeMs;
    case 'lost':
      return event.lost.timeMs;
    case 'node':
      return event.node.timeMs;
    case undefined:
      return Number.POSITIVE_INFINITY;
  }
}
