/**
 * A lock between runs of this project on one machine: the run whose ticket is linked to the lock's path holds it.
 *
 * A holder that died without releasing is recognised by its identity, so nobody has to delete a file by hand.
 * Plain JavaScript for Node 20, because `bootstrap.mjs` needs it before anything is installed.
 */
import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf, isRunning } from './process-identity.mjs';

const POLL_MS = 200;

/**
 * Runs `work` while holding the lock at `path`, waiting for as long as another live process holds it.
 *
 * @param {string} path
 * @param {() => Promise<T> | T} work
 * @param {{ onWait?: (holderPid: number) => void, signal?: AbortSignal }} [options] `onWait` is called once, when the
 *   lock turns out to be held.
 * @returns {Promise<T>}
 * @template T
 */
export async function withFileLock(path, work, options = {}) {
  const ticket = JSON.stringify({ ...identityOf(process.pid), id: randomUUID() });
  mkdirSync(dirname(path), { recursive: true });
  for (let told = false; !tryAcquire(path, ticket); ) {
    const holder = readTicket(path);
    if (holder !== undefined && !isRunning(holder)) {
      breakLock(path, holder);
      continue;
    }
    if (!told && holder !== undefined) {
      told = true;
      options.onWait?.(holder.pid);
    }
    await sleep(POLL_MS, undefined, { signal: options.signal });
  }
  try {
    return await work();
  } finally {
    if (readTicket(path)?.text === ticket) {
      rmSync(path, { force: true });
    }
  }
}

/** Linking a finished file is atomic and carries its content, so that no reader ever sees a lock without a holder. */
function tryAcquire(path, ticket) {
  const own = `${path}.${randomUUID()}`;
  writeFileSync(own, ticket);
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') {
      return false;
    }
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function readTicket(path) {
  let text;
  try {
    text = readFileSync(path, 'utf8');
    return { ...JSON.parse(text), text };
  } catch (error) {
    if (error.code === 'ENOENT') {
      return undefined;
    }
    if (error instanceof SyntaxError) {
      return { pid: 0, started: '', text }; // torn by a power cut: nobody holds it
    }
    throw error;
  }
}

/** Takes a dead holder's lock away; what another run put there in the meantime is put back. */
function breakLock(path, dead) {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
    if (readTicket(aside)?.text !== dead.text) {
      linkSync(aside, path);
    }
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') {
      throw error;
    }
  } finally {
    rmSync(aside, { force: true });
  }
}
