/**
 * Where the rig keeps things. Nothing of it is inside the checkout, so that `git clean` costs no rebuild and clones share builds.
 */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/** Environment variables, passed in so that tests can have their own. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The root of the checkout. */
export const CHECKOUT = resolve(import.meta.dirname, '../..');

/** The Go module with the rig's programs, each a `main` package in a folder of its own. */
export const GO_MODULE = join(import.meta.dirname, 'go');

/** Builds and downloads: may be deleted at any time, costs time only. */
export function cacheFolder(env: Environment): string {
  return join(xdg(env['XDG_CACHE_HOME']) ?? join(homedir(), '.cache'), 'bulkhead');
}

/** One folder per running control plane: its keys, data and logs. */
export function rigFolder(env: Environment): string {
  const state = xdg(env['XDG_STATE_HOME']);
  return join(state === undefined ? cacheFolder(env) : join(state, 'bulkhead'), 'rig');
}

/** The XDG specification tells to ignore relative paths. */
function xdg(value: string | undefined): string | undefined {
  return value !== undefined && isAbsolute(value) ? value : undefined;
}
