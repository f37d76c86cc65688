/**
 * Splits the text of a file into plain values, one per document, with the lines they came from.
 *
 * Text that begins like JSON is read as JSON first, since that is how large lists arrive and it is many times faster; what
 * is not JSON after all (YAML in flow style) is read as YAML. Kubernetes objects are manifests.ts.
 */
import {
  Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Tags,
  type YAMLError,
} from 'yaml';
import { findDuplicateKey } from './json-text.ts';
import { type FieldPath, type Problem, problemAt, type Source } from './problem.ts';

/** One document as plain JSON values. */
export interface RawDocument extends Source {
  value: unknown;
}

export interface RawDocuments {
  documents: RawDocument[];
  problems: Problem[];
}

/** Largest text read, in characters: 10 MiB, some ten thousand pods. */
export const MAX_TEXT = 10 * 1024 * 1024;
/** Most documents of one file. */
export const MAX_DOCUMENTS = 10_000;
/** Deepest nesting; the deepest field of a Pod is at 12. */
export const MAX_DEPTH = 64;
/** Most objects that aliases may stand for, as the yaml package counts them. */
const MAX_ALIASES = 100;
/** Messages per document: one mistake in YAML often causes a dozen. */
const MAX_ERRORS = 3;

/** Reads any text; never throws for what it holds. */
export function readText(text: string, file: string): RawDocuments {
  const whole: Source = { file, index: 0 };
  const refuse = (message: string): RawDocuments => ({ documents: [], problems: [problemAt(whole, [], { message })] });
  if (text.length > MAX_TEXT) {
    return refuse(`is larger than ${MAX_TEXT / 1024 / 1024} MiB; split the file`);
  }
  if (text.includes('\0')) {
    return refuse('is not text: it holds a NUL byte');
  }
  const json = /^\uFEFF?\s*[[{]/.test(text) ? readJson(text, whole) : undefined;
  return json ?? readYaml(text, file);
}

/** Undefined when the text is not JSON. */
function readJson(text: string, whole: Source): RawDocuments | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) {
    return { documents: [], problems: [problemAt(whole, duplicate, { message: 'is there twice' })] };
  }
  return settle({ ...whole, value });
}

function readYaml(text: string, file: string): RawDocuments {
  const lines = new LineCounter();
  let parsed: readonly Document[];
  try {
    parsed = [parseAllDocuments(text, { ...YAML_OPTIONS, lineCounter: lines })].flat().filter(isDocument);
  } catch (error) {
    return tooDeep(error, { file, index: 0 });
  }
  if (parsed.length > MAX_DOCUMENTS) {
    const message = `holds ${parsed.length} documents, at most ${MAX_DOCUMENTS} are read; split the file`;
    return { documents: [], problems: [problemAt({ file, index: 0 }, [], { message })] };
  }
  const result: RawDocuments = { documents: [], problems: [] };
  for (const [index, document] of parsed.entries()) {
    const { documents, problems } = readDocument(document, { file, index }, lines);
    result.documents.push(...documents);
    result.problems.push(...problems);
  }
  return result;
}

function readDocument(document: Document, place: Source, lines: LineCounter): RawDocuments {
  const source: Source = { ...place, lineOf: (path) => lineOf(document, path, lines), ...firstLine(document, lines) };
  const complaints = [...document.errors, ...document.warnings].slice(0, MAX_ERRORS);
  if (complaints.length > 0) {
    const problems = complaints.map((complaint) => yamlProblem(complaint, place, lines));
    return { documents: [], problems };
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    // Nothing but comments between two separators is no document to speak of.
    return value === null || value === undefined ? { documents: [], problems: [] } : settle({ ...source, value });
  } catch (error) {
    return tooDeep(error, source);
  }
}

/** Hands a document on if it is no deeper than anything real, which a value that holds itself never is. */
function settle(document: RawDocument): RawDocuments {
  if (isDeeperThan(document.value, MAX_DEPTH)) {
    const message = `is nested deeper than ${MAX_DEPTH} levels, or holds itself`;
    return { documents: [], problems: [problemAt(document, [], { message })] };
  }
  return { documents: [document], problems: [] };
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

/** What the yaml package throws about a document: an alias without anchor, too many aliases, a stack that ran out. */
function tooDeep(error: unknown, source: Source): RawDocuments {
  if (!(error instanceof Error)) {
    throw error;
  }
  const message = error instanceof RangeError ? 'is nested too deep' : `cannot be read: ${error.message}`;
  return { documents: [], problems: [problemAt(source, [], { message })] };
}

function yamlProblem(complaint: YAMLError, place: Source, lines: LineCounter): Problem {
  const { line } = lines.linePos(complaint.pos[0]);
  return problemAt({ ...place, line }, [], {
    message: `is not YAML that can be trusted: ${complaint.message}`,
    remedy: REMEDIES[complaint.code],
  });
}

function firstLine(document: Document, lines: LineCounter): { line?: number } {
  const start = document.contents?.range?.[0];
  return start === undefined ? {} : { line: lines.linePos(start).line };
}

/** Line of a field, or of the nearest field above it that is in the text. */
function lineOf(document: Document, path: FieldPath, lines: LineCounter): number | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0];
  for (const step of path) {
    const next = child(node, step);
    if (next === undefined) {
      break;
    }
    offset = next.offset ?? offset;
    node = next.node;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

function child(node: unknown, step: string | number): { node: unknown; offset: number | undefined } | undefined {
  if (isSeq(node) && typeof step === 'number') {
    const item: unknown = node.items[step];
    return item === undefined ? undefined : { node: item, offset: rangeStart(item) };
  }
  const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && String(key.value) === step) : undefined;
  return pair === undefined ? undefined : { node: pair.value, offset: rangeStart(pair.key) };
}

function rangeStart(node: unknown): number | undefined {
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? node.range?.[0] : undefined;
}

function isDocument(value: unknown): value is Document {
  return value instanceof Document;
}

const YAML_OPTIONS = {
  version: '1.1',
  prettyErrors: false,
  stringKeys: true,
  uniqueKeys: true,
  customTags: (tags: Tags): Tags => tags.filter((tag) => typeof tag === 'string' || isKubectls(tag)),
} as const;

/** kubectl leaves sexagesimal numbers, times and the like as text; Date and bytes would not be JSON either. */
function isKubectls({ tag, format }: { tag: string; format?: string }): boolean {
  return format !== 'TIME' && !NOT_JSON.has(tag);
}

const NOT_JSON: ReadonlySet<string> = new Set(
  ['timestamp', 'binary', 'omap', 'pairs', 'set'].map((name) => `tag:yaml.org,2002:${name}`),
);

const REMEDIES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  DUPLICATE_KEY: 'keep one of them',
  NON_STRING_KEY: 'use plain names as keys',
  TAG_RESOLVE_FAILED: 'leave out the tag',
};
