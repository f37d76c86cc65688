import { describe, expect, it } from 'vitest';
import { MAX_LINE_CHARACTERS } from '../decode-json.ts';
import { createIntake } from '../intake.ts';
import { createLineDecoder } from './line-decoder.ts';
import { flowLine } from './source.conformance.ts';

/** Feeds the chunks, and gives what came out with what could not be read. */
function decode(chunks: readonly (string | Uint8Array)[]) {
  const failures: string[] = [];
  const decoder = createLineDecoder(createIntake({ onFailure: ({ message }) => failures.push(message) }));
  const batches = [
    ...chunks.flatMap((chunk) => decoder.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)),
    ...decoder.end(),
  ];
  return { batches, failures, flows: batches.flat().length };
}

describe('lines', () => {
  const [one, two] = [flowLine(1), flowLine(2)];
  it.each([
    ['that end with the chunk', [`${one}\n${two}\n`], 2],
    [
      'over several chunks',
      [one.slice(0, 10), one.slice(10, 50), `${one.slice(50)}\n${two.slice(0, 1)}`, two.slice(1)],
      2,
    ],
    ['a byte at a time', `${one}\n${two}\n`.split(''), 2],
    ['with carriage returns', [`${one}\r\n${two}\r\n`], 2],
    ['with blank ones between', [`\n\n${one}\n \n${two}\n\n`], 2],
    ['without a line end at the end', [`${one}\n${two}`], 2],
    ['none', [], 0],
  ])('%s', (_, chunks, expected) => {
    expect(decode(chunks)).toMatchObject({ flows: expected, failures: [] });
  });

  it('are numbered for messages, blank ones too', () => {
    expect(decode([`${one}\n\nnonsense\n`]).failures).toEqual(['line 3: not JSON']);
  });

  it('are numbered from one again in the next file', () => {
    const failures: string[] = [];
    const decoder = createLineDecoder(createIntake({ onFailure: ({ message }) => failures.push(message) }));
    decoder.push(Buffer.from(`${one}\nhalf a li`));
    decoder.end();
    decoder.push(Buffer.from('nonsense\n'));
    expect(failures).toEqual(['line 2: not JSON', 'line 1: not JSON']);
  });

  it('that are not UTF-8 keep what is readable', () => {
    const bytes = Buffer.concat([
      Buffer.from('{"verdict":"DROPPED","time":"2026-11-21T20:00:00Z","uuid":"a'),
      Buffer.from([0xff]),
      Buffer.from('"}\n'),
    ]);
    expect(decode([bytes]).batches).toMatchObject([[{ flow: { uuid: 'a\uFFFD' } }]]);
  });

  it('with a character cut in two by a chunk are whole', () => {
    const bytes = Buffer.from('{"verdict":"DROPPED","time":"2026-11-21T20:00:00Z","uuid":"ä"}\n');
    const cut = bytes.indexOf(0xc3) + 1;
    expect(decode([bytes.subarray(0, cut), bytes.subarray(cut)]).batches).toMatchObject([[{ flow: { uuid: 'ä' } }]]);
  });

  it('come in batches of at most 256', () => {
    const lines = Array.from({ length: 600 }, (_, index) => `${flowLine(index)}\n`).join('');
    expect(decode([lines]).batches.map((batch) => batch.length)).toEqual([256, 256, 88]);
  });
});

describe('a line that is too long', () => {
  const long = 'x'.repeat(MAX_LINE_CHARACTERS + 1);
  it.each([
    ['in one chunk', [`${long}\n`]],
    ['in many chunks', [...(long.match(/.{1,65536}/g) ?? []), '\n']],
    ['at the end, without line end', [long]],
  ])('%s is one failure, and the next line is read', (_, chunks) => {
    const { failures, flows } = decode([...chunks, ...(chunks.at(-1)?.endsWith('\n') ? [`${flowLine(1)}\n`] : [])]);
    expect(failures).toEqual(['line 1: longer than 1048576 bytes']);
    expect(flows).toBe(chunks.at(-1)?.endsWith('\n') ? 1 : 0);
  });

  it('by a byte is, and at the limit is not', () => {
    const line = flowLine(1);
    const padded = line.padEnd(MAX_LINE_CHARACTERS, ' ');
    expect(decode([`${padded}\n`])).toMatchObject({ flows: 1, failures: [] });
    expect(decode([`${padded} \n`])).toMatchObject({ flows: 0, failures: ['line 1: longer than 1048576 bytes'] });
  });
});
