/**
 * Reads a protobuf message by a table of the fields that are wanted; every other field is skipped unread.
 *
 * Tables instead of generated code: a flow has some seventy fields and Bulkhead uses twenty-five, and what is skipped
 * costs nothing. A field with an unexpected wire type counts as unknown, as protobuf prescribes.
 */
import { type BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { timestampMs } from './blank-flow.ts';
import { BadField } from './decoded.ts';

/** How to read one field into the message that is being filled. */
export interface Field<Target> {
  wire: WireType;
  read(reader: BinaryReader, target: Target): void;
}

/** Fields by number. */
export type Fields<Target> = Readonly<Record<number, Field<Target>>>;

/** Reads up to `end`, which is a position in the reader's bytes. */
export function readFields<Target>(reader: BinaryReader, end: number, target: Target, fields: Fields<Target>): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    const number = tag >>> 3;
    const wire = WIRE_TYPES[tag & 7];
    if (number === 0 || wire === undefined || wire === WireType.EndGroup) {
      throw new BadField('message', tag, 'made of fields');
    }
    const field = fields[number];
    if (field?.wire === wire) {
      field.read(reader, target);
    } else {
      reader.skip(wire, number);
    }
  }
  if (reader.pos !== end) {
    throw new BadField('message', reader.pos - end, 'as long as it says');
  }
}

/** Reads the length that precedes a nested message, then the message. */
export function readNested<Target>(reader: BinaryReader, target: Target, fields: Fields<Target>): Target {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > reader.len) {
    throw new BadField('message', length, 'as long as what contains it');
  }
  readFields(reader, end, target, fields);
  return target;
}

export function stringField<Target>(set: (target: Target, value: string) => void): Field<Target> {
  return { wire: WireType.LengthDelimited, read: (reader, target) => set(target, reader.string()) };
}

/** Unsigned 32 bits, and enums. */
export function numberField<Target>(set: (target: Target, value: number) => void): Field<Target> {
  return { wire: WireType.Varint, read: (reader, target) => set(target, reader.uint32()) };
}

/** Unsigned 64 bits; above 2^53 the nearest double. */
export function bigNumberField<Target>(set: (target: Target, value: number) => void): Field<Target> {
  return { wire: WireType.Varint, read: (reader, target) => set(target, Number(reader.uint64())) };
}

export function boolField<Target>(set: (target: Target, value: boolean) => void): Field<Target> {
  return { wire: WireType.Varint, read: (reader, target) => set(target, reader.bool()) };
}

/** A nested message that `start` makes a target for, from the outer one. */
export function messageField<Target, Nested>(
  start: (target: Target) => Nested,
  fields: Fields<Nested>,
  done?: (target: Target, nested: Nested) => void,
): Field<Target> {
  return {
    wire: WireType.LengthDelimited,
    read(reader, target) {
      const nested = readNested(reader, start(target), fields);
      done?.(target, nested);
    },
  };
}

/** google.protobuf.Timestamp, as milliseconds. */
export function timeField<Target>(set: (target: Target, ms: number) => void): Field<Target> {
  return messageField(
    () => ({ seconds: 0, nanos: 0 }),
    {
      1: { wire: WireType.Varint, read: (reader, at) => void (at.seconds = Number(reader.int64())) },
      2: { wire: WireType.Varint, read: (reader, at) => void (at.nanos = reader.int32()) },
    },
    (target, at) => set(target, timestampMs(at.seconds, at.nanos)),
  );
}

/** google.protobuf.BoolValue, whose absence differs from false. */
export function boolValueField<Target>(set: (target: Target, value: boolean) => void): Field<Target> {
  return messageField(
    () => ({ value: false }),
    { 1: boolField((wrapper, value) => void (wrapper.value = value)) },
    (target, wrapper) => set(target, wrapper.value),
  );
}

/** By the number that stands for them in a tag. */
const WIRE_TYPES: readonly WireType[] = [
  WireType.Varint,
  WireType.Bit64,
  WireType.LengthDelimited,
  WireType.StartGroup,
  WireType.EndGroup,
  WireType.Bit32,
];
