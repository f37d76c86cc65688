/**
 * Finds the word that a mistyped one was probably meant to be.
 */

/**
 * @returns a remedy such as `did you mean egress?`, or undefined when nothing is near.
 */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  const near = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.min(MOST_EDITS, candidate.length / 3))
    .toSorted((a, b) => a.distance - b.distance)[0];
  return near === undefined ? undefined : `did you mean ${near.candidate}?`;
}

/** Insertions, deletions and replacements that turn one word into the other (Levenshtein); long words are far away. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MOST_EDITS) {
    return Number.POSITIVE_INFINITY;
  }
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Two slips of the finger; with three, short words begin to look alike. */
const MOST_EDITS = 2;
