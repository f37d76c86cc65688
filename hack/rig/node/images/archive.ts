/**
 * Packs folders as layers of a container image, in the archive form that `docker save` writes and containerd imports.
 * The same files give the same bytes.
 */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { RigError } from '../../rig-error.ts';
import { runProgram } from '../../run-program.ts';

export interface ImageConfig {
  Entrypoint: readonly string[];
  Env?: readonly string[];
  User?: string;
  WorkingDir?: string;
}

export interface ImageContent {
  /** Name and tag, with the registry's host. */
  name: string;
  /** Folders, the lowest first. */
  layers: readonly string[];
  config: ImageConfig;
}

const SAME_BYTES = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64' };

/** Writes the image to the file `path`, with `scratch` for what is in between. */
export async function packImage(path: string, scratch: string, image: ImageContent): Promise<void> {
  mkdirSync(scratch, { recursive: true });
  const layers = image.layers.map((folder, index) => ({ folder, file: `layer-${index}.tar` }));
  for (const { folder, file } of layers) {
    await tar(['-C', folder, '-cf', join(scratch, file), '.']);
  }
  const hashes = await Promise.all(layers.map(({ file }) => sha256(join(scratch, file))));
  const config = {
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    os: 'linux',
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], ...image.config },
    rootfs: { type: 'layers', diff_ids: hashes.map((hash) => `sha256:${hash}`) },
  };
  const files = layers.map(({ file }) => file);
  writeFileSync(join(scratch, 'config.json'), JSON.stringify(config));
  writeFileSync(
    join(scratch, 'manifest.json'),
    JSON.stringify([{ Config: 'config.json', RepoTags: [image.name], Layers: files }]),
  );
  await tar(['-C', scratch, '-cf', path, 'manifest.json', 'config.json', ...files]);
}

async function tar(args: readonly string[]): Promise<void> {
  const answer = await runProgram('tar', [...SAME_BYTES, ...args]);
  if (answer?.code !== 0) {
    throw new RigError(`packing an image failed: ${answer?.stderr.trim() ?? 'tar is not on PATH'}`);
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
