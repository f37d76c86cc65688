/**
 * The part of the cgroup tree that one node lives in. It has a group of its own in every hierarchy of the machine, and
 * sees that group as the root: what it makes lies below, limits and BPF hooks end there, and removing it removes all.
 *
 * Machines differ: one unified hierarchy (v2), or one per controller with a unified one beside it (v1, "hybrid").
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

/** One mounted hierarchy of the machine. */
export interface Hierarchy {
  mountPoint: string;
  type: 'cgroup' | 'cgroup2';
  /** Mount options that name it, such as `cpu,cpuacct`; empty for v2. */
  options: string;
}

const POLL_MS = 20;
/** Killed processes leave their groups within moments; what stays longer is stuck in the kernel. */
const EMPTY_WITHIN_MS = 10_000;
const GENERIC_OPTIONS = new Set(['rw', 'ro', 'nosuid', 'nodev', 'noexec', 'relatime', 'xattr', 'clone_children']);
/** What a v2 group hands down to pods. */
const CONTROLLERS = ['cpuset', 'cpu', 'io', 'memory', 'pids'];
/** Below a v2 node's group: only leaves may hold processes. */
const DAEMONS = 'daemons';

/** The hierarchies in a mount table such as /proc/self/mounts, each where it is mounted first. */
export function readHierarchies(mounts: string): Hierarchy[] {
  const found = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .flatMap(([, mountPoint = '', type, options = '']): Hierarchy[] =>
      type === 'cgroup' || type === 'cgroup2'
        ? [{ mountPoint, type, options: type === 'cgroup' ? controllersOf(options) : '' }]
        : [],
    );
  return found.filter(
    (one, index) => index === found.findIndex(({ type, options }) => type === one.type && options === one.options),
  );
}

function controllersOf(options: string): string {
  const named = options
    .split(',')
    .filter((option) => !GENERIC_OPTIONS.has(option) && !option.includes('release_agent'));
  return named.some((option) => option.startsWith('name=')) ? `none,${named.join(',')}` : named.join(',');
}

/** The folders of the group `name`, one in every hierarchy. */
export function cgroupFolders(hierarchies: readonly Hierarchy[], name: string): string[] {
  return hierarchies.map(({ mountPoint }) => join(mountPoint, name));
}

/** Makes the group `name` in every hierarchy. */
export function makeCgroups(hierarchies: readonly Hierarchy[], name: string): void {
  for (const { mountPoint, options } of hierarchies) {
    const folder = join(mountPoint, name);
    mkdirSync(folder, { recursive: true });
    if (options.split(',').includes('cpuset')) {
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        writeFileSync(join(folder, file), readFileSync(join(mountPoint, file)));
      }
    }
    if (isUnified(hierarchies)) {
      handDown(mountPoint);
      mkdirSync(join(folder, DAEMONS), { recursive: true });
    }
  }
}

/** Lets the groups below `folder` use the controllers that it has; only while no process is in it itself. */
export function handDown(folder: string): void {
  const present = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(/\s+/);
  const wanted = CONTROLLERS.filter((controller) => present.includes(controller));
  writeFileSync(join(folder, 'cgroup.subtree_control'), wanted.map((controller) => `+${controller}`).join(' '));
}

/** Where a daemon's process goes: the group in each hierarchy, on v2 the leaf for daemons. */
export function daemonGroups(hierarchies: readonly Hierarchy[], folders: readonly string[]): string[] {
  return isUnified(hierarchies) ? folders.map((folder) => join(folder, DAEMONS)) : [...folders];
}

/** Whether the machine has v2 alone. */
export function isUnified(hierarchies: readonly Hierarchy[]): boolean {
  return hierarchies.every(({ type }) => type === 'cgroup2');
}

/** Ends what is left in the groups and removes them with everything below. */
export async function removeCgroups(folders: readonly string[]): Promise<void> {
  const deadline = Date.now() + EMPTY_WITHIN_MS;
  for (const folder of folders) {
    while (!removeTree(folder)) {
      if (Date.now() > deadline) {
        throw new Error(`the cgroup ${folder} does not empty`);
      }
      await sleep(POLL_MS);
    }
  }
}

/** False while a process is still in it. */
function removeTree(folder: string): boolean {
  if (!existsSync(folder)) {
    return true;
  }
  const children = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const empty = children.map(({ name }) => removeTree(join(folder, name))).every(Boolean);
  killMembers(folder);
  try {
    rmdirSync(folder);
    return empty;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') {
      return false;
    }
    throw error;
  }
}

function killMembers(folder: string): void {
  for (const pid of readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number)) {
    try {
      // Zero is a process that this pid namespace cannot see.
      if (pid > 0 && pid !== process.pid) {
        process.kill(pid, 'SIGKILL');
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
        throw error;
      }
    }
  }
}
