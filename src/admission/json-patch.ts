/**
 * JSON Patch (RFC 6902) as far as Bulkhead writes it: add, replace and remove, each on a fresh copy of what it changes.
 *
 * Applying a patch here gives the pod that the API server would make of it, so that `bulkhead check` and mode Observe judge
 * the same pod as the webhook does.
 */
import type { JsonPatchOp } from '../api/admission-review.ts';

/** @example pointer('metadata', 'labels', 'bulkhead.dev/sandbox') // '/metadata/labels/bulkhead.dev~1sandbox' */
export function pointer(...keys: readonly (string | number)[]): string {
  return keys.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** @throws Error when an operation names a place that is not there. */
export function applyPatch(document: unknown, patch: readonly JsonPatchOp[]): unknown {
  return patch.reduce((current, op) => applyAt(current, keysOf(op.path), op), document);
}

/**
 * Operations that set these fields of the object at `path`, and make the objects above it that are missing.
 */
export function setFields(
  document: unknown,
  path: readonly string[],
  entries: Readonly<Record<string, unknown>>,
): JsonPatchOp[] {
  let here = document;
  for (const [depth, key] of path.entries()) {
    const next = isRecord(here) && Object.hasOwn(here, key) ? here[key] : undefined;
    if (!isRecord(next)) {
      const value = path.slice(depth + 1).reduceRight<unknown>((inner, outer) => ({ [outer]: inner }), { ...entries });
      return [{ op: 'add', path: pointer(...path.slice(0, depth + 1)), value }];
    }
    here = next;
  }
  return Object.entries(entries).map(([key, value]) => ({ op: 'add', path: pointer(...path, key), value }));
}

function applyAt(node: unknown, keys: readonly string[], op: JsonPatchOp): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) {
    return op.op === 'remove' ? undefined : op.value;
  }
  if (Array.isArray(node)) {
    return applyToList(node, key, rest, op);
  }
  if (!isRecord(node) || (!Object.hasOwn(node, key) && (rest.length > 0 || op.op !== 'add'))) {
    throw new Error(`the patch names ${op.path}, which is not there`);
  }
  if (rest.length === 0 && op.op === 'remove') {
    return Object.fromEntries(Object.entries(node).filter(([name]) => name !== key));
  }
  return { ...node, [key]: applyAt(node[key], rest, op) };
}

function applyToList(list: readonly unknown[], key: string, rest: readonly string[], op: JsonPatchOp): unknown[] {
  const inserts = rest.length === 0 && op.op === 'add';
  const index = indexOf(list, key, inserts);
  if (index === undefined) {
    throw new Error(`the patch names ${op.path}, which is not there`);
  }
  const kept = rest.length === 0 && op.op === 'remove' ? [] : [applyAt(inserts ? undefined : list[index], rest, op)];
  return [...list.slice(0, index), ...kept, ...list.slice(inserts ? index : index + 1)];
}

function indexOf(list: readonly unknown[], key: string, mayBeEnd: boolean): number | undefined {
  const index = key === '-' ? list.length : Number(key);
  return /^(-|0|[1-9][0-9]*)$/.test(key) && index < list.length + (mayBeEnd ? 1 : 0) ? index : undefined;
}

function keysOf(path: string): string[] {
  return path
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
