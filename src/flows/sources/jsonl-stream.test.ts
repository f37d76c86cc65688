import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { FlowSourceError } from './flow-source-error.ts';
import { jsonlStream } from './jsonl-stream.ts';
import { describeSource, flowLine, reader } from './source.conformance.ts';

describeSource(
  'a stream of JSON lines',
  () => {
    const stream = new PassThrough();
    return {
      source: jsonlStream('stdin', stream),
      write: async (lines) => {
        if (!stream.destroyed && !stream.write(lines.map((line) => `${line}\n`).join(''))) {
          await once(stream, 'drain');
        }
      },
      stop: () => void stream.destroy(),
    };
  },
  { carriesGarbage: true },
);

it('ends with the stream, with its last line', async () => {
  const source = jsonlStream('stdin', Readable.from([Buffer.from(`${flowLine(1)}\n${flowLine(2)}`)]));
  const reading = reader(source);
  await reading.until(() => reading.numbers().length === 2);
  expect(await reading.batches.next()).toMatchObject({ done: true });
  expect(source.health()).toMatchObject({ connected: false, error: undefined });
});

it('says so when the stream breaks', async () => {
  const stream = new PassThrough();
  const source = jsonlStream('stdin', stream);
  const reading = reader(source);
  stream.write(`${flowLine(1)}\n`);
  await reading.until(() => reading.numbers().length === 1);
  const next = reading.batches.next();
  stream.destroy(new Error('EIO: i/o error'));
  await expect(next).rejects.toThrow(new FlowSourceError('Unreadable', 'cannot read flows from stdin: EIO: i/o error'));
  expect(source.health()).toMatchObject({ connected: false, error: 'EIO: i/o error' });
});

it('reads no further than the consumer has come', async () => {
  let produced = 0;
  const endless = Readable.from(
    (function* () {
      for (;;) {
        produced += 1;
        yield Buffer.from(`${flowLine(produced)}\n`);
      }
    })(),
  );
  const reading = reader(jsonlStream('stdin', endless));
  await reading.until(() => reading.numbers().length === 3);
  expect(produced).toBeLessThan(100);
  reading.stop();
});
