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
      const isRestarted = await tail.look();
      if (isRestarted) {
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
      const bytesRead = await this.#readChunk(this.#file);
      if (bytesRead === 0) {
        return;
      }
      const bytes = this.#buffer.subarray(0, bytesRead);
      this.#position += bytesRead;
      this.#lastRead = Buffer.concat([this.#lastRead, bytes.subarray(-FINGERPRINT_BYTES)]).subarray(-FINGERPRINT_BYTES);
      yield { kind: 'bytes', bytes };
    }
  }

  async #readChunk(file: FileHandle): Promise<number> {
    try {
      return (await file.read(this.#buffer, 0, CHUNK_BYTES, this.#position)).bytesRead;
    } catch (error) {
      this.#options.onState(reasonOf(error));
      return 0;
    }
  }

  /** Looks what became of the file; true when reading begins anew. */
  async look(): Promise<boolean> {
    try {
      if (this.#file === undefined) {
        await this.#open();
        return false;
      }
      const isRestarted = (await this.#isReplaced()) || (await this.#isTruncated());
      this.#options.onState(undefined);
      return isRestarted;
    } catch (error) {
      // Gone for a moment between rename and create, or for good; either way the answer is to look again.
      this.#options.onState(reasonOf(error));
      return false;
    }
  }

  async #open(): Promise<void> {
    const file = await open(this.#options.path, 'r');
    this.#file = file;
    this.#position = 0;
    this.#lastRead = Buffer.alloc(0);
    if (this.#from === 'end') {
      const { size } = await file.stat();
      this.#position = await startOfLine(file, size);
    }
    this.#from = 'start';
    this.#options.onState(undefined);
  }

  /** Whether the path names another file by now and the old one is read to its end. */
  async #isReplaced(): Promise<boolean> {
    const [ours, named] = await Promise.all([this.#file?.stat(), stat(this.#options.path)]);
    if (ours === undefined || (ours.ino === named.ino && ours.dev === named.dev)) {
      return false;
    }
    if (ours.size > this.#position) {
      return false;
    }
    await this.close();
    await this.#open();
    return true;
  }

  async #isTruncated(): Promise<boolean> {
    const file = this.#file;
    if (file === undefined || this.#lastRead.length === 0) {
      return false;
    }
    const length = this.#lastRead.length;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, this.#position - length);
    if (bytesRead === length && buffer.equals(this.#lastRead)) {
      return false;
    }
    this.#position = 0;
    this.#lastRead = Buffer.alloc(0);
    return true;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

/** The end of the last whole line, so that following does not begin with half a line. */
async function startOfLine(file: FileHandle, size: number): Promise<number> {
  const length = Math.min(size, CHUNK_BYTES);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
  const lineFeed = buffer.subarray(0, bytesRead).lastIndexOf(0x0a);
  return lineFeed === -1 ? size : size - length + lineFeed + 1;
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

const CHUNK_BYTES = 64 * 1024;

/** A line of Hubble carries a uuid and a time, so that two files do not share this much by chance. */
const FINGERPRINT_BYTES = 256;
