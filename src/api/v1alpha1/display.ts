/**
 * Makes text that somebody else chose safe to show.
 *
 * Pod names, DNS names, labels and file contents can be written by the agent that is being watched. Printed as they are
 * they could move the cursor, recolour or overwrite lines of a terminal, forge log lines, or hide characters from the
 * reader. Every output goes through here; nothing else decides what is printable.
 */

/** Characters shown of one value when the caller names no other limit. */
export const DEFAULT_SHOWN = 120;

/**
 * Escapes what a terminal or a reader would not show as it is, and shortens the result.
 *
 * Control, format (zero-width, bidirectional), invisible, private, unassigned, line-separating and combining characters,
 * lone surrogates and every space but U+0020 become `\u{…}` in hexadecimal; a backslash becomes `\\`, so that no two texts
 * that are shown in full look alike.
 *
 * @param text - anything; what is not a string is turned into JSON first.
 * @param max - most UTF-16 units of the result, at least 1; a cut is marked by `…`.
 * @example
 * printable('a\u001b[31mb') // 'a\\u{1b}[31mb'
 */
export function printable(text: unknown, max: number = DEFAULT_SHOWN): string {
  const raw = typeof text === 'string' ? text : (JSON.stringify(text) ?? String(text));
  if (raw.length <= max && ALL_PLAIN.test(raw)) {
    return raw;
  }
  let shown = '';
  // As far as the text may reach when the mark for a cut still has to fit behind it.
  let fitting = '';
  for (const character of raw) {
    shown += SHOWN_AS_IS.test(character) ? character : escaped(character);
    if (shown.length > max) {
      return `${fitting}…`;
    }
    if (shown.length < max) {
      fitting = shown;
    }
  }
  return shown;
}

function escaped(character: string): string {
  return character === '\\' ? '\\\\' : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

// Combining marks are left out because they may pile up over other lines, the ignorable letters because nobody sees them.
const SHOWN_AS_IS = /^(?!\\|\p{Default_Ignorable_Code_Point})[\p{L}\p{N}\p{P}\p{S} ]$/u;
/** Printable ASCII but the backslash: nearly every name there is, and the decoders of flows show a lot of names. */
const ALL_PLAIN = /^[ -[\]-~]*$/;
