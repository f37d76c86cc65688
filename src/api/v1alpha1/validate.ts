/**
 * Checks a value against one of our schemas and fills in defaults, as the API server does when an object is applied with
 * strict field validation: null counts as absent, defaults cascade, unknown fields are refused.
 *
 * The CEL rules are looked at afterwards, by cel-rules.ts: they may rely on every type being right.
 */
import { didYouMean } from './did-you-mean.ts';
import { type JsonSchema, mapValues, requiredFromUser } from './json-schema.ts';
import type { FieldPath, ProblemText } from './problem.ts';

/** Takes one problem; the caller decides how many to keep. */
export type Report = (path: FieldPath, text: ProblemText) => void;

type Fields = Readonly<Record<string, unknown>>;

/**
 * @returns a copy with defaults filled in; of use only when nothing was reported.
 */
export function withDefaults(schema: JsonSchema, value: unknown, path: FieldPath, report: Report): unknown {
  return CHECKS[schema.type](schema, value, path, report);
}

/** Whether it is a mapping rather than a list, a scalar or nothing. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkObject(schema: JsonSchema, value: unknown, path: FieldPath, report: Report): unknown {
  if (!isFields(value)) {
    return wrongType('an object', value, path, report);
  }
  const properties = schema.properties ?? {};
  const values = mapValues(schema);
  const result = new Map<string, unknown>();
  // Null says "not set": the API server drops such a field, or gives it its default.
  const given = Object.entries(value).filter(([, field]) => field !== null && field !== undefined);
  checkSize('fields', given.length, { most: schema.maxProperties }, (text) => report(path, text));
  for (const [name, field] of given) {
    const fieldSchema = Object.hasOwn(properties, name) ? properties[name] : values;
    if (fieldSchema === undefined) {
      report([...path, name], { message: 'unknown field', remedy: didYouMean(name, Object.keys(properties)) });
    } else {
      result.set(name, withDefaults(fieldSchema, field, [...path, name], report));
    }
  }
  const absent = Object.entries(properties).filter(([name]) => !result.has(name));
  for (const [name, fieldSchema] of absent.filter(([, { default: filled }]) => filled !== undefined)) {
    result.set(name, withDefaults(fieldSchema, fieldSchema.default, [...path, name], report));
  }
  for (const name of requiredFromUser(schema).filter((required) => !result.has(required))) {
    report([...path, name], { message: 'is required', remedy: properties[name]?.description });
  }
  return Object.fromEntries(result);
}

function checkArray(schema: JsonSchema, value: unknown, path: FieldPath, report: Report): unknown {
  if (!Array.isArray(value)) {
    return wrongType('a list', value, path, report);
  }
  let fits = true;
  checkSize('items', value.length, { least: schema.minItems, most: schema.maxItems }, (text) => {
    fits = false;
    report(path, text);
  });
  const { items } = schema;
  if (!fits || items === undefined) {
    // What is in a list that is far too long is not worth a thousand more messages.
    return value;
  }
  const result = value.map((item, position) => withDefaults(items, item, [...path, position], report));
  for (const key of schema['x-kubernetes-list-map-keys'] ?? []) {
    checkDistinct(result, key, path, report);
  }
  return result;
}

function checkDistinct(items: readonly unknown[], key: string, path: FieldPath, report: Report): void {
  const seen = new Set<unknown>();
  for (const [position, item] of items.entries()) {
    const value = isFields(item) ? item[key] : undefined;
    if (value !== undefined && seen.has(value)) {
      report([...path, position], {
        value,
        message: `duplicate ${key}`,
        remedy: `give every item a ${key} of its own`,
      });
    }
    seen.add(value);
  }
}

function checkString(schema: JsonSchema, value: unknown, path: FieldPath, report: Report): unknown {
  if (typeof value !== 'string') {
    const scalar = typeof value === 'number' || typeof value === 'boolean';
    return wrongType(scalar ? 'text, so it needs quotes' : 'text', value, path, report);
  }
  const fail = (text: ProblemText) => report(path, { value, ...text });
  // The API server counts characters, not UTF-16 units.
  checkSize('characters', Array.from(value).length, { least: schema.minLength, most: schema.maxLength }, fail);
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    fail({ message: `must be one of ${schema.enum.join(', ')}`, remedy: didYouMean(value, schema.enum) });
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) {
    fail({ message: `must match ${schema.pattern}`, remedy: schema.description });
  }
  if (schema.format === 'date-time' && !isDateTime(value)) {
    fail({ message: 'must be a time such as 2026-01-31T12:00:00Z' });
  }
  return value;
}

function checkNumber(schema: JsonSchema, value: unknown, path: FieldPath, report: Report): unknown {
  const fits = schema.type === 'integer' ? Number.isInteger(value) : Number.isFinite(value);
  if (typeof value !== 'number' || !fits) {
    const inQuotes = typeof value === 'string' && /^[0-9]+$/.test(value);
    return wrongType(inQuotes ? 'a number, so take the quotes away' : 'a whole number', value, path, report);
  }
  if (schema.minimum !== undefined && value < schema.minimum) {
    report(path, { value, message: `must be at least ${schema.minimum}` });
  }
  if (schema.maximum !== undefined && value > schema.maximum) {
    report(path, { value, message: `must be at most ${schema.maximum}` });
  }
  return value;
}

function checkBoolean(_schema: JsonSchema, value: unknown, path: FieldPath, report: Report): unknown {
  return typeof value === 'boolean' ? value : wrongType('true or false', value, path, report);
}

interface Bounds {
  least?: number | undefined;
  most?: number | undefined;
}

function checkSize(what: string, size: number, { least, most }: Bounds, fail: (text: ProblemText) => void): void {
  if (least !== undefined && size < least) {
    fail({ message: `has ${size} ${what}, at least ${least} needed` });
  }
  if (most !== undefined && size > most) {
    fail({ message: `has ${size} ${what}, at most ${most} allowed` });
  }
}

function wrongType(wanted: string, value: unknown, path: FieldPath, report: Report): unknown {
  report(path, { value, message: `must be ${wanted}` });
  return value;
}

/** RFC 3339, and a day that exists. */
function isDateTime(value: string): boolean {
  const [day] = value.split(/t/i, 1);
  return (
    DATE_TIME.test(value) &&
    new Date(`${day}T00:00:00Z`).toJSON()?.slice(0, 10) === day &&
    !Number.isNaN(Date.parse(value))
  );
}

const DATE_TIME = /^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

const CHECKS = {
  object: checkObject,
  array: checkArray,
  string: checkString,
  integer: checkNumber,
  number: checkNumber,
  boolean: checkBoolean,
} as const satisfies Record<JsonSchema['type'], typeof withDefaults>;
