/**
 * Follows a file that another program appends to and rotates, as bytes.
 *
 * Rotation by rename and re-create: the old file is read to its end, then the new one from its beginning. Truncation in
 * place, as copytruncate does: seen by the file being shorter than what was read, or by the last bytes that were read not
 * standing there any more, which also holds when it has grown past that point again. What a program appends between our
 * last look and a truncation is only in its copy, and lost to us.
 * Polls, because notifications of file changes get lost on overlay and network file systems.
 */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface TailOptions {
  path: string;
  /** Whether to begin with what the file holds or with what comes; only for the first file. */
  from: 'start' | 'end';
  /** Milliseconds between looks. */
  pollMs: number;
  signal: AbortSignal;
  /** Called with undefined when the file is open, and with the reason when it cannot be. */
  onState(problem: string | undefined): void;
}

/** Bytes that were appended, or that another file, or the same from its beginning, follows. */
export type TailEvent = { kind: 'bytes'; bytes: Uint8Array } | { kind: 'restart' };

/** Ends only by abort. The bytes of an event are overwritten by the next. */
export async function* tailFile(options: TailOptions): AsyncGenerator<TailEvent> {
  const tail = new Tail(options);
  try {
    while (!options.signal.aborted) {
      yield* tail.read();
      if (await tail.isAnotherFile()) {
        yield { kind: 'restart' };
      } else {
        await pause(options.pollMs, options.signal);
      }
    }
  } finally {
    await tail.close();
  }
}

class Tail {
  readonly #options: TailOptions;
  readonly #buffer = Buffer.alloc(CHUNK_BYTES);
  #from: TailOptions['from'];
  #file: FileHandle | undefined;
  #position = 0;
  /** The bytes before `#position`. */
  #lastRead: Buffer = Buffer.alloc(0);

  constructor(options: TailOptions) {
    this.#options = options;
    this.#from = options.from;
  }

  /** Everything up to the present end. */
  async *read(): AsyncGenerator<TailEvent> {
    while (this.#file !== undefined && !this.#options.signal.aborted) {
      const event = await this.#readChunk(this.#file);
      if (event === undefined) {
        return;
      }
      yield event;
    }
  }

  /**
   * Reads the last bytes again with the new ones: they show in one step whether these still follow on those.
   */
  async #readChunk(file: FileHandle): Promise<TailEvent | undefined> {
    const known = this.#lastRead.length;
    try {
      const { bytesRead } = await file.read(this.#buffer, 0, CHUNK_BYTES, this.#position - known);
      if (bytesRead < known || !this.#buffer.subarray(0, known).equals(this.#lastRead)) {
        this.#seek(0, Buffer.alloc(0));
        return { kind: 'restart' };
      }
      const bytes = this.#buffer.subarray(known, bytesRead);
      this.#seek(this.#position + bytes.length, this.#buffer.subarray(0, bytesRead));
      return bytes.length === 0 ? undefined : { kind: 'bytes', bytes };
    } catch (error) {
      this.#options.onState(reasonOf(error));
      return undefined;
    }
  }

  #seek(position: number, readBefore: Buffer): void {
    this.#position = position;
    this.#lastRead = Buffer.from(readBefore.subarray(-FINGERPRINT_BYTES));
  }

  /** Whether the path names a file that is not being read yet; it is then open, at its beginning. */
  async isAnotherFile(): Promise<boolean> {
    try {
      if (this.#file === undefined) {
        return await this.#open();
      }
      const [ours, named] = await Promise.all([this.#file.stat(), stat(this.#options.path)]);
      this.#options.onState(undefined);
      if ((ours.ino === named.ino && ours.dev === named.dev) || ours.size > this.#position) {
        return false;
      }
      await this.close();
      return await this.#open();
    } catch (error) {
      // Gone for a moment between rename and create, or for good; either way the answer is to look again.
      this.#options.onState(reasonOf(error));
      return false;
    }
  }

  async #open(): Promise<true> {
    const file = await open(this.#options.path, 'r');
    this.#file = file;
    this.#seek(0, Buffer.alloc(0));
    if (this.#from === 'end') {
      const { position, readBefore } = await endOfLastLine(file);
      this.#seek(position, readBefore);
    }
    this.#from = 'start';
    this.#options.onState(undefined);
    return true;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

/** The end of the last whole line, so that following does not begin with half a line, and what stands before it. */
async function endOfLastLine(file: FileHandle): Promise<{ position: number; readBefore: Buffer }> {
  const { size } = await file.stat();
  const length = Math.min(size, CHUNK_BYTES);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
  const end = buffer.subarray(0, bytesRead).lastIndexOf(LINE_FEED) + 1;
  return { position: size - length + end, readBefore: buffer.subarray(0, end) };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const LINE_FEED = 0x0a;
const CHUNK_BYTES = 64 * 1024;

/** A line of Hubble carries a uuid and a time, so that two files do not share this much by chance. */
const FINGERPRINT_BYTES = 256;
