/**
 * Sets of namespaces on this machine, each held by one process: kill it, and everything in the set ends with all mounts,
 * interfaces and BPF programs. Nothing has a name outside, so a crash leaves nothing to clean but cgroups.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf, isRunning, type ProcessIdentity } from '../../process-identity.mjs';
import { RigError } from '../rig-error.ts';
import { type ProgramResult, runProgram } from '../run-program.ts';
import { startServer, tailOfLog } from '../server-process.ts';

/** A set of namespaces: network, mounts, pids, host name and, where it has cgroups of its own, cgroups. */
export interface Namespaces {
  /** Process 1 in them, by its pid outside. */
  holder: ProcessIdentity;
  /** The command that runs `command` in all of them. */
  enter(command: readonly string[]): string[];
  /** The command that runs `command` in the network namespace (and the cgroups) alone: it is the process it starts. */
  enterNetwork(command: readonly string[]): string[];
  /** The command that runs `command` outside, for as long as the set may live. */
  beside(command: readonly string[]): string[];
  /** Runs a program in all of them, to its end. */
  exec(command: readonly string[], options?: { stdin?: string; signal?: AbortSignal }): Promise<ProgramResult>;
}

export interface HoldOptions {
  /** Names it in messages and logs, and is the host name inside. */
  name: string;
  /** Visible inside as {@link INSIDE}. */
  folder: string;
  /** Hierarchies to mount, the groups that become their roots, and those that daemons join; none keeps the machine's. */
  cgroups: { mounts: readonly string[]; root: readonly string[]; daemons: readonly string[] };
  /** Whether everything ends with this process, however that ends. */
  dependent: boolean;
  onProcess: (name: string, identity: ProcessIdentity) => void;
}

/** Where the folder of a node is found inside its namespaces. */
export const INSIDE = '/run/bulkhead';

const HOLDER = join(import.meta.dirname, 'holder.sh');
const STANDS_WITHIN_MS = 20_000;
const POLL_MS = 10;
/** Joins the groups in $1, then becomes the rest. */
const JOIN = 'for group in $1; do echo $$ >"$group/cgroup.procs"; done; shift; exec "$@"';
/** The kernel kills the command when its parent ends, even by SIGKILL. */
const DEPENDENT = ['setpriv', '--pdeathsig', 'KILL'];
/** Nothing in the small world is reached through the machine's proxy. */
const WITHOUT_PROXY = ['http', 'https', 'all', 'no'].flatMap((kind) => [
  '--unset',
  `${kind}_proxy`,
  '--unset',
  `${kind.toUpperCase()}_PROXY`,
]);

/**
 * Makes a set of namespaces.
 * @throws RigError with what the kernel refused.
 */
export async function holdNamespaces(options: HoldOptions): Promise<Namespaces> {
  const { name, folder, cgroups } = options;
  const marker = `${name}.stands`;
  const kinds = ['--net', '--mount', '--uts', '--pid', ...(cgroups.root.length === 0 ? [] : ['--cgroup'])];
  const unshare = ['unshare', ...kinds, '--fork', '--kill-child', '--propagation', 'private'];
  const holder = ['/bin/bash', HOLDER, name, folder, marker, ...cgroups.mounts];
  const command = [...(options.dependent ? DEPENDENT : []), ...unshare, ...holder];
  const parent = startServer(folder, name, joining(cgroups.root, command));
  options.onProcess(name, parent);
  await until(() => existsSync(join(folder, marker)), parent, options);
  const identity = await childOf(parent);
  if (identity === undefined) {
    throw new RigError(`the namespaces of ${name} ended at once:\n${tailOfLog(folder, name)}`);
  }
  return namespacesOf(identity, { groups: cgroups.daemons, dependent: options.dependent });
}

export interface NamespacesOptions {
  /** Groups that its processes join; none for a set without cgroups of its own. */
  groups: readonly string[];
  /** Whether what is started ends with this process. */
  dependent: boolean;
}

/** The set that `holder` holds. */
export function namespacesOf(holder: ProcessIdentity, { groups, dependent }: NamespacesOptions): Namespaces {
  const target = ['nsenter', '--target', String(holder.pid)];
  const all = [...target, '--net', '--mount', '--uts', '--pid', ...(groups.length === 0 ? [] : ['--cgroup'])];
  const life = dependent ? DEPENDENT : [];
  const enter = (command: readonly string[]): string[] => joining(groups, [...all, '--wd=/', '--', ...command]);
  return {
    holder,
    enter,
    enterNetwork: (command) =>
      joining(groups, [...life, ...target, '--net', '--', 'env', ...WITHOUT_PROXY, ...command]),
    beside: (command) => [...life, ...command],
    async exec(command, options = {}) {
      const [program = '', ...args] = enter(['env', '-i', ...settings(), ...command]);
      const result = await runProgram(program, args, options);
      if (result === undefined) {
        throw new RigError('nsenter is not on PATH; it comes with the package util-linux.');
      }
      return result;
    },
  };
}

/**
 * Starts a daemon in all namespaces of a set, and returns the daemon itself rather than the process that waits for it.
 * @throws RigError with its log when it ends at once.
 */
export async function startInside(
  namespaces: Namespaces,
  folder: string,
  name: string,
  command: readonly string[],
): Promise<ProcessIdentity> {
  const parent = startServer(folder, name, namespaces.enter(['env', '-i', ...settings(), ...command]));
  const daemon = await childOf(parent);
  if (daemon === undefined) {
    throw new RigError(`${name} ended at once:\n${tailOfLog(folder, name)}`);
  }
  return daemon;
}

/** The environment inside; temporary files must not go to the machine's own /tmp. */
function settings(): string[] {
  return [
    `PATH=${INSIDE}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    'HOME=/run/tmp',
    'TMPDIR=/run/tmp',
    'LANG=C.UTF-8',
  ];
}

function joining(groups: readonly string[], command: readonly string[]): string[] {
  return groups.length === 0 ? [...command] : ['/bin/sh', '-c', JOIN, 'join', groups.join(' '), ...command];
}

/** The process that `parent` (unshare or nsenter) started and waits for; undefined when it has ended. */
async function childOf(parent: ProcessIdentity): Promise<ProcessIdentity | undefined> {
  while (isRunning(parent)) {
    const pid = firstChild(parent.pid);
    const identity = pid === undefined ? undefined : identityOf(pid);
    if (identity !== undefined) {
      return identity;
    }
    await sleep(POLL_MS);
  }
  return undefined;
}

function firstChild(pid: number): number | undefined {
  try {
    const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    return first ? Number(first) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

async function until(isTrue: () => boolean, parent: ProcessIdentity, { name, folder }: HoldOptions): Promise<void> {
  const deadline = Date.now() + STANDS_WITHIN_MS;
  while (!isTrue()) {
    if (!isRunning(parent) || Date.now() > deadline) {
      throw new RigError(`the namespaces of ${name} could not be made:\n${tailOfLog(folder, name)}`);
    }
    await sleep(POLL_MS);
  }
}
