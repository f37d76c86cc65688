import { describe, expect, it } from 'vitest';
import { readJsonLines } from './json-lines.ts';

async function read(chunks: readonly Uint8Array[], maxBytes = 1000): Promise<unknown[]> {
  async function* stream() {
    yield* chunks;
  }
  const values: unknown[] = [];
  for await (const value of readJsonLines(stream(), maxBytes)) {
    values.push(value);
  }
  return values;
}

const bytes = (text: string): Buffer => Buffer.from(text);

/** The text in pieces of one byte. */
const bitByBit = (text: string): Uint8Array[] => Array.from(bytes(text), (byte) => Uint8Array.of(byte));

describe('JSON lines', () => {
  it.each([
    ['two in one chunk', [bytes('{"a":1}\n{"a":2}\n')], [{ a: 1 }, { a: 2 }]],
    ['one in many chunks', [bytes('{"a"'), bytes(':1'), bytes('}\n')], [{ a: 1 }]],
    ['a character in two pieces', bitByBit('{"a":"ä€𝄞"}\n'), [{ a: 'ä€𝄞' }]],
    ['empty lines', [bytes('\n\n{"a":1}\n\n')], [{ a: 1 }]],
    ['nothing', [], []],
  ])('%s', async (_name, chunks, expected) => {
    expect(await read(chunks)).toEqual(expected);
  });

  it.each([
    ['a line that is not JSON', [bytes('{"a":secret}\n')], /^a line of 12 bytes is not JSON$/],
    ['an end in the middle of a line', [bytes('{"a":1}\n{"a"')], /middle of a line/],
    ['a line without end', Array.from({ length: 101 }, () => bytes('x'.repeat(10))), /longer than 1000 bytes/],
  ])('refuses %s', async (_name, chunks, message) => {
    await expect(read(chunks)).rejects.toThrow(message);
  });

  it('delivers what came whole before the fault', async () => {
    const seen: unknown[] = [];
    async function* stream() {
      yield bytes('{"a":1}\n{"a"');
    }
    const all = (async () => {
      for await (const value of readJsonLines(stream(), 100)) seen.push(value);
    })();
    await expect(all).rejects.toThrow();
    expect(seen).toEqual([{ a: 1 }]);
  });
});
