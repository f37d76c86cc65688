/**
 * Finds a key that is given twice in one object of a JSON text. JSON.parse keeps the last one silently, and a manifest
 * that says two things must not be judged by either.
 */
import type { FieldPath } from './problem.ts';

/**
 * @param text - must have passed JSON.parse.
 * @returns the way to the first duplicate, or undefined.
 */
export function findDuplicateKey(text: string): FieldPath | undefined {
  // A list is known by the position of the item that is being read.
  const open: (Scope | number)[] = [];
  let lastString = '';
  for (const [token] of text.matchAll(TOKENS)) {
    const innermost = open.at(-1);
    if (token.startsWith('"')) {
      lastString = token;
    } else if (token !== ':') {
      advance(open, token);
    } else if (typeof innermost === 'object' && !enter(innermost, lastString)) {
      return open.map((scope) => (typeof scope === 'number' ? scope : scope.key));
    }
  }
  return undefined;
}

function advance(open: (Scope | number)[], token: string): void {
  const innermost = open.at(-1);
  if (token === '{') {
    open.push({ keys: new Set(), key: '' });
  } else if (token === '[') {
    open.push(0);
  } else if (token === '}' || token === ']') {
    open.pop();
  } else if (typeof innermost === 'number') {
    open[open.length - 1] = innermost + 1;
  }
}

interface Scope {
  keys: Set<string>;
  /** The key whose value is being read. */
  key: string;
}

/** False when the key is there already. */
function enter(scope: Scope, literal: string): boolean {
  scope.key = JSON.parse(literal) as string;
  const fresh = !scope.keys.has(scope.key);
  scope.keys.add(scope.key);
  return fresh;
}

/** Strings whole, so that what is inside them is not structure; numbers and words are passed over. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;
