import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { withFileLock } from './file-lock.mjs';
import { identityOf, isRunning } from './process-identity.mjs';

let folder: string;
let lock: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-lock-'));
  lock = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('lets one in at a time, and leaves nothing behind', async () => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await sleep(5);
    inside -= 1;
  };
  await Promise.all([1, 2, 3].map(() => withFileLock(lock, work)));
  expect(most).toBe(1);
  expect(readdirSync(folder)).toEqual([]);
});

it('is released by work that throws', async () => {
  const failing = withFileLock(lock, () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect(await withFileLock(lock, () => 'in')).toBe('in');
});

it('tells once whom it waits for, and gives up when told to', async () => {
  const waitedFor: number[] = [];
  const abort = new AbortController();
  await withFileLock(lock, async () => {
    const second = withFileLock(lock, () => 'in', {
      signal: abort.signal,
      onWait(pid) {
        waitedFor.push(pid);
        abort.abort();
      },
    });
    await expect(second).rejects.toThrow('aborted');
  });
  expect(waitedFor).toEqual([process.pid]);
});

const NO_SUCH_PID = 2 ** 22 + 1;
it.each([
  ['a process that is gone', JSON.stringify({ pid: NO_SUCH_PID, started: 'then', id: 'x' })],
  ['an earlier process of the same pid', JSON.stringify({ pid: process.pid, started: 'long ago', id: 'x' })],
  ['a ticket torn by a power cut', '{"pi'],
])('is taken from %s', async (_, ticket) => {
  writeFileSync(lock, ticket);
  expect(await withFileLock(lock, () => 'in')).toBe('in');
  expect(readdirSync(folder)).toEqual([]);
});

it('knows a running process from one that has gone', () => {
  const own = identityOf(process.pid);
  expect(own && isRunning(own)).toBe(true);
  expect(identityOf(NO_SUCH_PID)).toBeUndefined();
});
