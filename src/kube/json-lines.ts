/**
 * Splits a byte stream into JSON values, one a line, as a watch delivers them.
 *
 * Lines are cut on bytes, so that a character that arrives in two pieces stays whole. A line longer than the bound or
 * that is not JSON ends the stream with an error: after it nothing can be trusted to be complete.
 */

/** @param maxBytes - of one line. */
export async function* readJsonLines(stream: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator {
  let pieces: Buffer[] = [];
  let pending = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      const line = Buffer.concat([...pieces, bytes.subarray(start, end)]);
      pieces = [];
      pending = 0;
      start = end + 1;
      if (line.length > 0) {
        yield parse(line);
      }
    }
    pieces.push(bytes.subarray(start));
    pending += bytes.length - start;
    if (pending > maxBytes) {
      throw new Error(`a line is longer than ${maxBytes} bytes`);
    }
  }
  if (pending > 0) {
    throw new Error('the stream ended in the middle of a line');
  }
}

/** Without the text in the message: it is somebody's object. */
function parse(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch {
    throw new Error(`a line of ${line.length} bytes is not JSON`);
  }
}

const NEWLINE = 0x0a;
