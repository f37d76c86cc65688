/**
 * Images on disk, each made once per state of what it is made from: its recipe, the machine's packages, the checkout.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { withFileLock } from '../../../file-lock.mjs';
import { cacheFolder, type Environment } from '../../folders.ts';
import { elapsed, type Progress } from '../../progress.ts';
import { type ImageContent, packImage } from './archive.ts';

export interface Recipe {
  /** Names the file in the cache. */
  name: string;
  /** Everything that decides what is in the image. */
  ingredients: readonly string[];
  /** Fills folders below `scratch`. */
  make(scratch: string): Promise<ImageContent>;
}

/** Images of one name that are kept, so that switching branches makes none anew and the cache stays bounded. */
const KEPT_IMAGES = 2;

/** The image's archive file, made first if need be. */
export async function buildImage(recipe: Recipe, env: Environment, progress: Progress): Promise<string> {
  const folder = join(cacheFolder(env), 'images');
  const path = join(folder, `${recipe.name}-${keyOf(recipe)}.tar`);
  if (!isCached(path)) {
    mkdirSync(folder, { recursive: true });
    await withFileLock(join(folder, `${recipe.name}.lock`), () => (isCached(path) ? undefined : make(path)), {
      onWait: (pid) => progress.say(`another run (pid ${pid}) is making the image ${recipe.name}; waiting for it`),
    });
  }
  return path;

  async function make(path: string): Promise<void> {
    const started = Date.now();
    const scratch = mkdtempSync(join(folder, `.${recipe.name}-`));
    try {
      const content = await recipe.make(scratch);
      await packImage(join(scratch, 'image.tar'), join(scratch, 'packing'), content);
      renameSync(join(scratch, 'image.tar'), path);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
    forgetOldImages(folder, recipe.name);
    progress.say(`made the image ${recipe.name} in ${elapsed(started)}`);
  }
}

function isCached(path: string): boolean {
  if (!existsSync(path)) {
    return false;
  }
  const now = new Date();
  utimesSync(path, now, now);
  return true;
}

/** The recipes themselves belong to it: whoever changes one wants another image. */
function keyOf({ ingredients }: Recipe): string {
  const sources = readdirSync(import.meta.dirname)
    .sort()
    .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'));
  return createHash('sha256')
    .update(JSON.stringify([ingredients, sources]))
    .digest('hex')
    .slice(0, 16);
}

function forgetOldImages(folder: string, name: string): void {
  const byAge = readdirSync(folder)
    .filter((file) => file.startsWith(`${name}-`) && file.endsWith('.tar'))
    .map((file) => join(folder, file))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const old of byAge.slice(KEPT_IMAGES)) {
    rmSync(old, { force: true });
  }
}
