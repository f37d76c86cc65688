/**
 * Reads the RFC 3339 times of protobuf's JSON form, which carry up to nanoseconds; `Date` alone would cut them.
 */
import { timestampMs } from './blank-flow.ts';

/**
 * Milliseconds since the epoch with microseconds as fraction, or undefined when the text is no time.
 *
 * @example
 * parseTimestamp('2026-11-21T20:09:54.701688459Z') // 1795291794701.688
 */
export function parseTimestamp(text: string): number | undefined {
  const parts = RFC_3339.exec(text);
  if (parts === null) {
    return undefined;
  }
  const [, dateAndTime = '', fraction = '', zone = 'Z'] = parts;
  const ms = Date.parse(`${dateAndTime}${zone}`);
  if (Number.isNaN(ms) || !isDayOfMonth(dateAndTime)) {
    return undefined;
  }
  return timestampMs(ms / 1000, Number(fraction.padEnd(9, '0')));
}

/** `Date.parse` turns 30 February into 2 March. */
function isDayOfMonth(dateAndTime: string): boolean {
  const day = Number(dateAndTime.slice(8, 10));
  return day <= 28 || new Date(`${dateAndTime.slice(0, 10)}T00:00:00Z`).getUTCDate() === day;
}

const RFC_3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;
