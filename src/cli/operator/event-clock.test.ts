import { expect, it } from 'vitest';
import { createEventClock } from './event-clock.ts';

function at(startMs: number) {
  let wall = startMs;
  const clock = createEventClock(() => wall);
  return { clock, pass: (ms: number) => (wall += ms) };
}

it('knows no time before the first flow', () => {
  expect(at(1_000_000).clock.now()).toBeUndefined();
});

it('goes on at the pace of the wall clock while no flow comes', () => {
  const { clock, pass } = at(1_000_000);
  clock.observe(999_000);
  pass(5000);
  expect(clock.now()).toBe(1_004_000);
});

it('is not dragged forward by the wall clock when old flows are caught up with', () => {
  const { clock, pass } = at(10_000_000);
  clock.observe(1_000_000);
  pass(100);
  clock.observe(1_060_000);
  expect(clock.now()).toBe(1_060_000);
});

it('is not dragged into the future by a node whose clock runs ahead', () => {
  const { clock } = at(1_000_000);
  clock.observe(99_000_000);
  expect(clock.now()).toBe(1_000_000);
});

it('is not set back by a flow that comes late', () => {
  const { clock } = at(1_000_000);
  clock.observe(999_000);
  clock.observe(990_000);
  expect(clock.now()).toBe(999_000);
});
