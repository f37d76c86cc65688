import { PassThrough, Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { readInputFiles } from './input-files.ts';
import type { CommandIo } from './io.ts';

function ioWith(stdin: Readable): CommandIo {
  return {
    stdin,
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    env: {},
    cwd: '/',
    color: false,
    signal: new AbortController().signal,
    setExitCode: () => {},
  };
}

it('stops reading what has no end', async () => {
  let given = 0;
  const endless = new Readable({
    read() {
      given += 1;
      this.push(Buffer.alloc(2 ** 20));
    },
  });
  await expect(readInputFiles(ioWith(endless), ['-'])).rejects.toThrow(/standard input is larger than 10 MiB; split/);
  expect(given).toBeLessThan(20);
});

it('reads standard input that comes in pieces, cut within a character', async () => {
  const [first, second] = [Buffer.from([0xc3]), Buffer.from([0xa4])];
  const files = await readInputFiles(ioWith(Readable.from([first, second])), ['-']);
  expect(files.map(({ text }) => text)).toEqual(['ä']);
});
