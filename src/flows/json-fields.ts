/**
 * Reads single fields of an event in protobuf's JSON form, each with the type that the schema gives it.
 *
 * Follows what protobuf's own JSON parsers accept: proto or camelCase names, 64-bit numbers as strings, enums by name or
 * number, null as absent. A value of another type is a `BadField`; an absent one is the zero value.
 */
import { BadField } from './decoded.ts';
import { type EnumTable, nameOfName, nameOfNumber } from './hubble-enums.ts';
import { parseTimestamp } from './timestamp.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** An object and the path that led to it, for messages; the path is empty or ends in a dot. */
export interface At {
  object: JsonObject;
  path: string;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value under the proto name or, failing that, the camelCase name; null counts as absent. */
export function member(at: At, name: string): unknown {
  return at.object[name] ?? at.object[camelCase(name)] ?? undefined;
}

export function child(at: At, name: string): At | undefined {
  const value = member(at, name);
  if (value === undefined) {
    return undefined;
  }
  const path = at.path + name;
  if (!isObject(value)) {
    throw new BadField(path, value, 'an object');
  }
  return { object: value, path: `${path}.` };
}

/** Every element of a list of objects. */
export function children(at: At, name: string): At[] {
  return list(at, name).map((value, index) => {
    const path = `${at.path}${name}[${index}]`;
    if (!isObject(value)) {
      throw new BadField(path, value, 'an object');
    }
    return { object: value, path: `${path}.` };
  });
}

export function text(at: At, name: string): string {
  const value = member(at, name) ?? '';
  if (typeof value !== 'string') {
    throw new BadField(at.path + name, value, 'text');
  }
  return value;
}

export function texts(at: At, name: string): string[] {
  return list(at, name).map((value, index) => {
    if (typeof value !== 'string') {
      throw new BadField(`${at.path}${name}[${index}]`, value, 'text');
    }
    return value;
  });
}

/** True, false, or undefined when the field is absent. */
export function flag(at: At, name: string): boolean | undefined {
  const value = member(at, name);
  if (value !== undefined && typeof value !== 'boolean') {
    throw new BadField(at.path + name, value, 'true or false');
  }
  return value;
}

/** A whole number from 0, of 32 or 64 bits, as number or as text. */
export function count(at: At, name: string): number {
  const value = member(at, name) ?? 0;
  if (typeof value === 'string' && DIGITS.test(value)) {
    return Number(value);
  }
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new BadField(at.path + name, value, 'a whole number from 0');
  }
  return value;
}

export function enumName<Name extends string>(at: At, name: string, table: EnumTable<Name>): Name {
  const value = member(at, name) ?? 0;
  if (typeof value === 'string') {
    return nameOfName(table, value);
  }
  if (typeof value === 'number') {
    return nameOfNumber(table, value);
  }
  throw new BadField(at.path + name, value, 'a name or a number');
}

/** Milliseconds since the epoch, or undefined when the field is absent. */
export function time(at: At, name: string): number | undefined {
  const value = member(at, name);
  if (value === undefined) {
    return undefined;
  }
  const ms = typeof value === 'string' ? parseTimestamp(value) : undefined;
  if (ms === undefined) {
    throw new BadField(at.path + name, value, 'a time such as 2026-11-21T20:09:54.701688459Z');
  }
  return ms;
}

function list(at: At, name: string): readonly unknown[] {
  const value = member(at, name) ?? [];
  if (!Array.isArray(value)) {
    throw new BadField(at.path + name, value, 'a list');
  }
  return value;
}

function camelCase(name: string): string {
  let camel = CAMEL_CASE.get(name);
  if (camel === undefined) {
    camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    CAMEL_CASE.set(name, camel);
  }
  return camel;
}

/** Holds only names that the decoder asks for, so it is bounded by the code. */
const CAMEL_CASE = new Map<string, string>();
const DIGITS = /^\d{1,20}$/;
