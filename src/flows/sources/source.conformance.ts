/**
 * What every flow source must do, run by the test of each one with its own way of being fed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { FlowEvent, FlowSource } from '../flow.ts';

/** A source and the other side of it. */
export interface SourceUnderTest {
  source: FlowSource;
  /** Offers lines of Hubble's JSON to the source, in order. */
  write(lines: readonly string[]): void | Promise<void>;
  /** Breaks what the source reads from and mends it, as it may happen in a cluster; absent where nothing can break. */
  disturb?(): Promise<void>;
  stop(): void | Promise<void>;
}

/** One flow as a line, told from the others by its number. */
export function flowLine(number: number, nodeName = 'kind-worker'): string {
  const time = new Date(Date.UTC(2026, 10, 21, 20, 0, 0, number)).toISOString();
  const uuid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  const flow = { time, uuid, verdict: 'FORWARDED', Type: 'L3_L4', node_name: nodeName };
  return JSON.stringify({ flow, node_name: nodeName, time });
}

/** Waits until what is read is as the assertion that follows says; the test's own time limit is meant to be the only one. */
export function eventually<Value>(read: () => Value) {
  return expect.poll(read, { timeout: 60_000, interval: 10 });
}

/** A reader that collects what a source delivers until it has enough. */
export function reader(source: FlowSource) {
  const stop = new AbortController();
  const events: FlowEvent[] = [];
  const batches = source.batches(stop.signal)[Symbol.asyncIterator]();
  return {
    events,
    batches,
    stop: () => stop.abort(),
    /** What `for await` does when it is left. */
    async close(): Promise<void> {
      stop.abort();
      await batches.return?.();
    },
    numbers: () => events.flatMap((event) => (event.kind === 'flow' ? [Number(event.flow.uuid.slice(24))] : [])),
    /** Reads until `isEnough`; the test's own time limit is the only one. */
    async until(isEnough: () => boolean): Promise<void> {
      while (!isEnough()) {
        const { done, value } = await batches.next();
        if (done === true) {
          throw new Error(`the source ended after ${events.length} events: ${source.health().error ?? 'no error'}`);
        }
        expect(value.length).toBeGreaterThan(0);
        expect(value.length).toBeLessThanOrEqual(256);
        events.push(...value);
      }
    },
  };
}

/**
 * @param carriesGarbage - whether what is offered passes as it is; a server in between refuses to send what it cannot read,
 *   so that there garbage is a matter for the decoder's own test.
 */
export function describeSource(
  name: string,
  start: () => SourceUnderTest | Promise<SourceUnderTest>,
  { carriesGarbage = false }: { carriesGarbage?: boolean } = {},
): void {
  describe(`${name} as a flow source`, () => {
    const running: { tested: SourceUnderTest; reading: ReturnType<typeof reader> }[] = [];
    afterEach(async () => {
      for (const { tested, reading } of running.splice(0)) {
        await reading.close();
        await tested.stop();
      }
    });

    async function open() {
      const tested = await start();
      const reading = reader(tested.source);
      running.push({ tested, reading });
      return { ...tested, reading };
    }

    it('keeps the order, over more than one batch', async () => {
      const { reading, write } = await open();
      const numbers = Array.from({ length: 1_000 }, (_, index) => index + 1);
      await Promise.all([
        write(numbers.map((number) => flowLine(number))),
        reading.until(() => reading.numbers().length === 1_000),
      ]);
      expect(reading.numbers()).toEqual(numbers);
    });

    it('delivers what comes later', async () => {
      const { reading, write, source } = await open();
      await Promise.all([write([flowLine(1)]), reading.until(() => reading.numbers().length === 1)]);
      expect(source.health().connected).toBe(true);
      await Promise.all([write([flowLine(2), flowLine(3)]), reading.until(() => reading.numbers().length === 3)]);
      expect(reading.numbers()).toEqual([1, 2, 3]);
      expect(source.health()).toMatchObject({ received: 3, lastFlowTimeMs: Date.UTC(2026, 10, 21, 20, 0, 0, 3) });
    });

    it('delivers a flow once, however often it comes', async () => {
      const { reading, write, source } = await open();
      const lines = [1, 2, 1, 2, 3].map((number) => flowLine(number));
      await Promise.all([write(lines), reading.until(() => reading.numbers().includes(3))]);
      expect(reading.numbers()).toEqual([1, 2, 3]);
      expect(source.health().duplicates).toBe(2);
    });

    it('ends when aborted while it waits', async () => {
      const { reading, write, source } = await open();
      await Promise.all([write([flowLine(1)]), reading.until(() => reading.numbers().length === 1)]);
      const next = reading.batches.next();
      await sleep(20);
      reading.stop();
      expect(await next).toEqual({ done: true, value: undefined });
      expect(source.health()).toMatchObject({ connected: false, error: undefined });
    });

    it('delivers nothing when it was aborted before', async () => {
      const { reading, write } = await open();
      reading.stop();
      await write([flowLine(1)]);
      expect(await reading.batches.next()).toEqual({ done: true, value: undefined });
    });

    it('passes on what was lost, and counts it', async () => {
      const { reading, write, source } = await open();
      const lost =
        '{"lost_events":{"source":"OBSERVER_EVENTS_QUEUE","num_events_lost":"17"},"node_name":"kind-worker","time":"2026-11-21T20:00:00Z"}';
      await Promise.all([
        write([flowLine(1), lost, flowLine(2)]),
        reading.until(() => reading.numbers().length === 2 && source.health().lost > 0),
      ]);
      expect(reading.events.find((event) => event.kind === 'lost')).toMatchObject({
        lost: { source: 'OBSERVER_EVENTS_QUEUE', count: 17, nodeName: 'kind-worker' },
      });
      expect(source.health().lost).toBe(17);
    });

    if (carriesGarbage) {
      it('counts what it cannot decode and goes on', async () => {
        const { reading, write, source } = await open();
        await Promise.all([
          write([flowLine(1), '{"flow":{"time":', '\u0000\u001b', '[]', flowLine(2)]),
          reading.until(() => reading.numbers().length === 2),
        ]);
        expect(reading.numbers()).toEqual([1, 2]);
        expect(source.health()).toMatchObject({ undecodable: 3, connected: true });
      });
    }

    it('goes on after a disturbance, without gap and without doubling', async () => {
      const { reading, write, disturb } = await open();
      await Promise.all([
        write([1, 2].map((number) => flowLine(number))),
        reading.until(() => reading.numbers().length === 2),
      ]);
      const more = reading.until(() => reading.numbers().includes(5));
      await disturb?.();
      await write([3, 4, 5].map((number) => flowLine(number)));
      await more;
      expect(reading.numbers()).toEqual([1, 2, 3, 4, 5]);
    });
  });
}
