import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from './display.ts';

describe('printable', () => {
  it.each([
    ['plain text', 'agent-7.default', 'agent-7.default'],
    ['letters of other scripts', 'агент 東京 é', 'агент 東京 é'],
    ['a terminal escape', '\u001b[2Jgone', '\\u{1b}[2Jgone'],
    ['the one-byte form of a terminal escape', '\u009b2J', '\\u{9b}2J'],
    ['a line break that would forge a log line', 'a\nbulkhead: ok', 'a\\u{a}bulkhead: ok'],
    ['a carriage return that would overwrite the line', 'bad\rgood', 'bad\\u{d}good'],
    ['right-to-left override', 'gpj\u202eexe', 'gpj\\u{202e}exe'],
    ['a bidirectional isolate', '\u2066x\u2069', '\\u{2066}x\\u{2069}'],
    ['zero-width space and joiner', 'a\u200bb\u200dc', 'a\\u{200b}b\\u{200d}c'],
    ['byte order mark', '\ufeffkind', '\\u{feff}kind'],
    ['an invisible letter', 'a\u3164b', 'a\\u{3164}b'],
    ['an invisible tag character', 'a\u{e0041}b', 'a\\u{e0041}b'],
    ['a combining mark', 'e\u0301', 'e\\u{301}'],
    ['no-break space', 'a\u00a0b', 'a\\u{a0}b'],
    ['line separator', 'a\u2028b', 'a\\u{2028}b'],
    ['a lone surrogate', 'a\ud800b', 'a\\u{d800}b'],
    ['backslash, so that an escape cannot be faked', '\\u{1b}', '\\\\u{1b}'],
    ['a number', 0, '0'],
    ['nothing', undefined, 'undefined'],
    ['an object', { a: '\u001b' }, '{"a":"\\\\u001b"}'],
  ])('%s', (_name, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it.each([
    ['fits exactly', 'abcd', 4, 'abcd'],
    ['one too long', 'abcde', 4, 'abc…'],
    ['does not cut through an escape', 'ab\u001bcd', 6, 'ab…'],
    ['does not cut through a pair of surrogates', 'ab😀cd', 4, 'ab…'],
    ['no room for anything but the mark', 'abc', 1, '…'],
  ])('shortens: %s', (_name, text, max, shown) => {
    expect(printable(text, max)).toBe(shown);
  });

  const anyText = fc.string({
    unit: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\\', '\u001b', '\ud800')),
  });

  it('never shows a character that a terminal or reader would not show as it is', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 40 }), (text, max) => {
        const shown = printable(text, max);
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}\p{M}\p{Default_Ignorable_Code_Point}]/u);
        expect(shown.replaceAll(' ', '')).not.toMatch(/\p{Z}/u);
        expect(shown.length).toBeLessThanOrEqual(max);
      }),
    );
  });

  it('shows different texts differently when it shortens neither', () => {
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        expect(printable(one, 10_000) === printable(other, 10_000)).toBe(one === other);
      }),
    );
  });
});
