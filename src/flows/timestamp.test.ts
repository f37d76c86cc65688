import { describe, expect, it } from 'vitest';
import { parseTimestamp } from './timestamp.ts';

const SECOND = Date.UTC(2026, 10, 21, 20, 9, 54);

describe('a time', () => {
  it.each([
    ['without fraction', '2026-11-21T20:09:54Z', SECOND],
    ['with tenths', '2026-11-21T20:09:54.7Z', SECOND + 700],
    ['with milliseconds', '2026-11-21T20:09:54.701Z', SECOND + 701],
    ['with microseconds', '2026-11-21T20:09:54.701688Z', SECOND + 701.688],
    ['with nanoseconds, cut to microseconds', '2026-11-21T20:09:54.701688999Z', SECOND + 701.688],
    ['with an offset', '2026-11-22T01:39:54.5+05:30', SECOND + 500],
    ['on a leap day', '2028-02-29T00:00:00Z', Date.UTC(2028, 1, 29)],
  ])('%s is read', (_, text, ms) => {
    expect(parseTimestamp(text)).toBe(ms);
  });

  it.each([
    ['nothing', ''],
    ['a word', 'now'],
    ['a date alone', '2026-11-21'],
    ['no zone', '2026-11-21T20:09:54'],
    ['a zone name', '2026-11-21T20:09:54 UTC'],
    ['ten digits of fraction', '2026-11-21T20:09:54.1234567890Z'],
    ['a thirteenth month', '2026-13-01T00:00:00Z'],
    ['the thirtieth of February', '2026-02-30T00:00:00Z'],
    ['the thirty-first of April', '2026-04-31T12:00:00Z'],
    ['a 61st second', '2026-11-21T20:09:61Z'],
    ['something after it', '2026-11-21T20:09:54Zx'],
    ['something before it', ' 2026-11-21T20:09:54Z'],
    ['a line break after it', '2026-11-21T20:09:54Z\n'],
  ])('%s is none', (_, text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });
});
