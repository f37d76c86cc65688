/**
 * Reads what `-f` names: a file, a folder with all it holds, or standard input.
 *
 * Folders are read in one order whatever the file system says, so that output made from them is the same everywhere.
 * What the text means is for the caller.
 */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { printable } from '../api/v1alpha1/display.ts';
import { type CommandIo, UsageError } from './io.ts';

export interface InputFile {
  /** As the user named it, `-` for standard input. */
  name: string;
  text: string;
}

/**
 * @param names - as given; a folder stands for every .yaml, .yml and .json file in it and below, sorted, without hidden
 * ones and without kustomization files, which hold no objects.
 * @throws UsageError for what cannot be read or is not UTF-8 text.
 */
export async function readInputFiles(io: CommandIo, names: readonly string[]): Promise<InputFile[]> {
  const files: InputFile[] = [];
  for (const name of await expandFolders(io, names)) {
    files.push({ name, text: decode(name, await readBytes(io, name)) });
  }
  return files;
}

async function expandFolders(io: CommandIo, names: readonly string[]): Promise<string[]> {
  if (names.filter((name) => name === '-').length > 1) {
    throw new UsageError('standard input (-f -) can be read only once');
  }
  const files: string[] = [];
  for (const name of names) {
    const isFolder = name !== '-' && (await attempt(name, () => stat(path.resolve(io.cwd, name)))).isDirectory();
    files.push(...(isFolder ? await manifestsBelow(io, name) : [name]));
  }
  return [...new Set(files)];
}

async function manifestsBelow(io: CommandIo, folder: string): Promise<string[]> {
  const root = path.resolve(io.cwd, folder);
  const found = await attempt(folder, () => readdir(root, { recursive: true, withFileTypes: true }));
  const files: string[] = [];
  for (const entry of found) {
    const inFolder = path.relative(root, path.join(entry.parentPath, entry.name));
    const isHidden = inFolder.split(path.sep).some((part) => part.startsWith('.'));
    // A link may lead to a file, as in a mounted ConfigMap; folders behind links are left alone, they may go in circles.
    if (!isHidden && MANIFEST.test(entry.name) && !KUSTOMIZATION.test(entry.name) && !entry.isDirectory()) {
      files.push(path.join(folder, inFolder));
    }
  }
  return files.sort();
}

async function readBytes(io: CommandIo, name: string): Promise<Uint8Array> {
  const stream = name === '-' ? io.stdin : createReadStream(path.resolve(io.cwd, name));
  return attempt(name, () => readBounded(name, stream));
}

/** Files without end exist, /dev/zero among them: reading stops where the reader of manifests would refuse anyway. */
async function readBounded(name: string, stream: Readable): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > MOST_BYTES) {
      stream.destroy();
      throw new UsageError(`${shown(name)} is larger than 10 MiB; split it into several files`);
    }
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks);
}

function decode(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError(`${shown(name)} is not UTF-8 text${cause instanceof RangeError ? ' or too large' : ''}`);
  }
}

async function attempt<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof UsageError) {
      throw cause;
    }
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    throw new UsageError(`cannot read ${shown(name)}: ${REASONS[code] ?? String(cause)}`);
  }
}

function shown(name: string): string {
  return name === '-' ? 'standard input' : printable(name, LONGEST_PATH);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EISDIR: 'is a folder',
  ENOTDIR: 'a part of the path is no folder',
  ELOOP: 'too many links',
};
const MANIFEST = /\.(ya?ml|json)$/i;
const KUSTOMIZATION = /^kustomization\.ya?ml$/i;
const LONGEST_PATH = 256;
/** As much text as one document may have. */
const MOST_BYTES = 10 * 2 ** 20;
