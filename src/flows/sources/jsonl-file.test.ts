import { execFileSync, spawn } from 'node:child_process';
import { appendFile, copyFile, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type JsonlFileOptions, jsonlFile } from './jsonl-file.ts';
import { describeSource, eventually, flowLine, reader } from './source.conformance.ts';

let folder: string;
let path: string;
const readings: ReturnType<typeof reader>[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-flows-'));
  path = join(folder, 'events.log');
});

afterEach(async () => {
  for (const reading of readings.splice(0)) {
    await reading.close();
  }
  await rm(folder, { recursive: true });
});

function text(...numbers: readonly number[]): string {
  return numbers.map((number) => `${flowLine(number)}\n`).join('');
}

function follow(options: JsonlFileOptions = {}) {
  const source = jsonlFile(path, { follow: true, from: 'start', pollMs: 5, ...options });
  const reading = reader(source);
  readings.push(reading);
  return { source, reading, until: (number: number) => reading.until(() => reading.numbers().includes(number)) };
}

for (const [how, disturb] of [
  [
    'renamed and made again',
    async () => {
      await rename(path, `${path}.1`);
      await sleep(20);
      await writeFile(path, '');
    },
  ],
  [
    'copied and truncated',
    async () => {
      await copyFile(path, `${path}.1`);
      await truncate(path);
      await sleep(20);
    },
  ],
] as const) {
  describeSource(
    `a followed file that is ${how}`,
    async () => {
      await writeFile(path, '');
      return {
        source: jsonlFile(path, { follow: true, from: 'start', pollMs: 5 }),
        write: (lines) => appendFile(path, lines.map((line) => `${line}\n`).join('')),
        disturb,
        stop: () => undefined,
      };
    },
    { carriesGarbage: true },
  );
}

describe('a followed file', () => {
  it('is read to its end before the one that replaces it', async () => {
    await writeFile(path, text(1));
    const { reading, until } = follow();
    await until(1);
    await appendFile(path, text(2, 3));
    await rename(path, `${path}.1`);
    await writeFile(path, text(4));
    await until(4);
    expect(reading.numbers()).toEqual([1, 2, 3, 4]);
  });

  it('may be missing at first', async () => {
    const { source, reading, until } = follow();
    const first = until(1);
    await eventually(() => source.health().error).toMatch(/no such file/);
    expect(source.health().connected).toBe(false);
    await writeFile(path, text(1));
    await first;
    expect(source.health()).toMatchObject({ connected: true, error: undefined });
    expect(reading.numbers()).toEqual([1]);
  });

  it('is read from its beginning when it was truncated and has grown past where we were', async () => {
    await writeFile(path, text(1, 2));
    const { reading, until } = follow();
    await until(2);
    await writeFile(path, text(11, 12, 13, 14));
    await until(14);
    expect(reading.numbers()).toEqual([1, 2, 11, 12, 13, 14]);
  });

  it('is read from its beginning when it was truncated and is as long as before', async () => {
    await writeFile(path, text(1, 2));
    const { reading, until } = follow();
    await until(2);
    await writeFile(path, text(3, 4));
    await until(4);
    expect(reading.numbers()).toEqual([1, 2, 3, 4]);
  });

  it('gives a line only when it is whole', async () => {
    const line = text(1);
    await writeFile(path, line.slice(0, 40));
    const { source, reading, until } = follow();
    const whole = until(1);
    await sleep(30);
    await appendFile(path, line.slice(40));
    await whole;
    expect(reading.numbers()).toEqual([1]);
    expect(source.health().undecodable).toBe(0);
  });

  it('begins at its end, at the next whole line, when asked to', async () => {
    const half = flowLine(2).slice(0, 30);
    await writeFile(path, text(1) + half);
    const { source, reading, until } = follow({ from: 'end' });
    const next = until(3);
    await eventually(() => source.health().connected).toBe(true);
    await appendFile(path, `${flowLine(2).slice(30)}\n${text(3)}`);
    await next;
    expect(reading.numbers()).toEqual([2, 3]);
    expect(source.health().undecodable).toBe(0);
  });

  it('that is made anew is read from its beginning even so', async () => {
    await writeFile(path, text(1));
    const { source, reading, until } = follow({ from: 'end' });
    const next = until(2);
    await eventually(() => source.health().connected).toBe(true);
    await rename(path, `${path}.1`);
    await writeFile(path, text(2));
    await next;
    expect(reading.numbers()).toEqual([2]);
  });
});

describe('a file that is read once', () => {
  async function readAll(file: string): Promise<number[]> {
    const source = jsonlFile(file);
    const reading = reader(source);
    for (let next = await reading.batches.next(); next.done !== true; next = await reading.batches.next()) {
      reading.events.push(...next.value);
    }
    expect(source.health()).toMatchObject({ connected: false, error: undefined });
    return reading.numbers();
  }

  it('is read to its end, to a last line without line end', async () => {
    await writeFile(path, text(1, 2) + flowLine(3));
    expect(await readAll(path)).toEqual([1, 2, 3]);
  });

  it('may be empty', async () => {
    await writeFile(path, '');
    expect(await readAll(path)).toEqual([]);
  });

  it('may be packed with gzip, whatever its name', async () => {
    await writeFile(path, gzipSync(text(1, 2, 3)));
    expect(await readAll(path)).toEqual([1, 2, 3]);
  });

  it('may be a pipe, which can be read only once', async () => {
    execFileSync('mkfifo', [path]);
    const writer = spawn('sh', ['-c', 'printf "%s" "$1" > "$2"', 'sh', text(1, 2), path]);
    expect(await readAll(path)).toEqual([1, 2]);
    writer.kill();
  });

  it.each([
    ['missing', async () => undefined, /cannot read flows from .*: ENOENT/],
    ['a folder', async (file: string) => await mkdtemp(file), /cannot read flows from .*: EISDIR/],
    [
      'a packed file cut short',
      async (file: string) => await writeFile(file, gzipSync(text(1, 2)).subarray(0, 60)),
      /cannot read flows from .*: unexpected end of file/,
    ],
  ])('fails when it is %s', async (_, make, message) => {
    const made = (await make(path)) ?? path;
    await expect(readAll(made)).rejects.toThrow(message);
  });
});
