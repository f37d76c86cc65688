/**
 * What is wrong with something a user wrote, and where: one value for every reader and check, one way to print it.
 *
 * Text from the file is escaped when the problem is made, so whoever prints it cannot forget.
 */
import { printable } from './display.ts';

/** Way from the root of an object to a field. */
export type FieldPath = readonly (string | number)[];

/** Where an object was read from. */
export interface Source {
  file: string;
  /** Of the document within the file, from 0. */
  index: number;
  /** Of the object within a List, from 0. */
  item?: number;
  /** First line of the object, from 1; not known for JSON. */
  line?: number;
  /** Line of a field, or of the nearest field above it. */
  lineOf?: (path: FieldPath) => number | undefined;
}

export interface Problem {
  /** As the user named it; escaped. */
  file?: string;
  /** Of the document within the file, from 1. */
  document?: number;
  /** Of the object within a List, from 1. */
  item?: number;
  /** From 1. */
  line?: number;
  /** Such as `spec.egress.allow[0].to[0].cidr`; empty when it is about the whole document. Escaped. */
  field: string;
  /** The value at fault, escaped and shortened. */
  value?: string;
  /** What is wrong, without a full stop. */
  message: string;
  /** What to do about it, where the message does not say so already. */
  remedy?: string;
}

export interface ProblemText {
  /** The value at fault; leave out when there is none. */
  value?: unknown;
  message: string;
  remedy?: string | undefined;
}

/** Makes a problem about a field of an object that may have been read from a file. */
export function problemAt(source: Source | undefined, path: FieldPath, text: ProblemText): Problem {
  return {
    ...(source === undefined ? {} : placeOf(source, path)),
    field: fieldName(path),
    ...(text.value === undefined ? {} : { value: printable(quoted(text.value), SHOWN_VALUE) }),
    message: text.message,
    ...(text.remedy === undefined ? {} : { remedy: text.remedy }),
  };
}

function placeOf(source: Source, path: FieldPath): Partial<Problem> {
  const line = source.lineOf?.(path) ?? source.line;
  return {
    file: printable(source.file),
    document: source.index + 1,
    ...(source.item === undefined ? {} : { item: source.item + 1 }),
    ...(line === undefined ? {} : { line }),
  };
}

/**
 * One line for people.
 *
 * @example
 * formatProblem(problem)
 * // 'sandbox.yaml:9 (document 2): spec.egress.allow[0].ports[0].port: 0: must be at least 1'
 */
export function formatProblem(problem: Problem): string {
  const { file, document = 1, item, line, field, value, message, remedy } = problem;
  const within = [document > 1 ? `document ${document}` : '', item === undefined ? '' : `item ${item}`].filter(Boolean);
  const place =
    file === undefined
      ? ''
      : `${file}${line === undefined ? '' : `:${line}`}${within.length > 0 ? ` (${within.join(', ')})` : ''}`;
  const text = remedy === undefined ? message : `${message}; ${remedy}`;
  return [place, field, value ?? '', text].filter((part) => part !== '').join(': ');
}

/** Writes a path as the API server does in its messages. */
export function fieldName(path: FieldPath): string {
  return path.reduce<string>((name, step) => {
    if (typeof step === 'number') {
      return `${name}[${step}]`;
    }
    if (!PLAIN_KEY.test(step)) {
      return `${name}[${printable(step, SHOWN_KEY)}]`;
    }
    return name === '' ? step : `${name}.${step}`;
  }, '');
}

/** Strings in quotes, so that a number in quotes can be told from a number. */
function quoted(value: unknown): unknown {
  return typeof value === 'string' ? `"${value}"` : value;
}

const PLAIN_KEY = /^[A-Za-z0-9_-]{1,64}$/;
const SHOWN_KEY = 80;
const SHOWN_VALUE = 80;
