/**
 * What became of one line or message, and the error both decoders use inside.
 *
 * A decoder never throws: what it cannot read comes back as a value that counters and people can use. The text itself
 * is never passed on as it is, since an agent may have written it.
 */
import { printable } from '../api/v1alpha1/display.ts';
import type { DecodeFailure, FlowEvent } from './flow.ts';

/** `skipped` is what sources carry that is no flow and no failure: agent and debug events, blank lines. */
export type Decoded = FlowEvent | { kind: 'skipped' } | { kind: 'failed'; failure: DecodeFailure };

/** A field that has a value which its type does not allow. Thrown inside a decoder and caught there. */
export class BadField extends Error {
  override readonly name = 'BadField';
  readonly field: string;
  readonly value: unknown;
  constructor(field: string, value: unknown, wanted: string) {
    super(`${field} should be ${wanted}`);
    this.field = field;
    this.value = value;
  }
}

/**
 * Result for something unreadable.
 *
 * @param where - what people count by, such as `line 12`; empty when there is no number.
 */
export function failed(reason: DecodeFailure['reason'], where: string, sentence: string): Decoded {
  return { kind: 'failed', failure: { reason, message: where === '' ? sentence : `${where}: ${sentence}` } };
}

/** Result for a `BadField`, naming field and value. */
export function failedField(error: BadField, where: string): Decoded {
  const sentence =
    error.value === undefined ? `${error.field} is missing` : `${error.message}, not ${shown(error.value)}`;
  return failed('BadField', where, sentence);
}

/** Never walks into a value: a line may hold a list nested a hundred thousand levels deep. */
function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `"${printable(value, SHOWN_CHARACTERS)}"`;
    case 'number':
    case 'boolean':
      return String(value);
    default:
      return Array.isArray(value) ? 'a list' : 'an object';
  }
}

const SHOWN_CHARACTERS = 60;
