/**
 * The processes of one node while it runs: each is started by name, on record before anything is expected of it, and can
 * be ended and started again by itself.
 */
import process from 'node:process';
import { isRunning, type ProcessIdentity } from '../../process-identity.mjs';
import { type Instance, type NodeRecord, saveInstance } from '../instance.ts';
import { endProcesses, killProcesses } from '../server-process.ts';

/** Starts one process. */
export type Launch = () => ProcessIdentity | Promise<ProcessIdentity>;

export interface NodeRun {
  instance: Instance;
  folder: string;
  record: NodeRecord;
  /** Writes a process down under a name. */
  note(name: string, identity: ProcessIdentity): void;
  /** Starts a process, and remembers how. */
  start(name: string, launch: Launch): Promise<void>;
  /** Kills the process of that name, as a crash would. */
  kill(name: string): Promise<void>;
  /** Kills it if it runs, and starts it again. */
  restart(name: string): Promise<void>;
  /** The processes that have ended by themselves. */
  dead(): string[];
  /** Nobody's any more: it outlives this process. */
  release(): void;
}

/** Nodes that this process ends, whatever way it exits. */
const owned = new Set<NodeRecord>();
process.on('exit', () => owned.forEach(({ processes }) => killProcesses(Object.values(processes))));

export function createNodeRun(instance: Instance, groups: Pick<NodeRecord, 'cgroups' | 'daemonGroups'>): NodeRun {
  const record: NodeRecord = { ...groups, processes: {}, addresses: {} };
  const launches = new Map<string, Launch>();
  instance.node = record;
  saveInstance(instance);
  owned.add(record);
  const run: NodeRun = {
    instance,
    folder: instance.folder,
    record,
    note(name, identity) {
      record.processes[name] = identity;
      saveInstance(instance);
    },
    async start(name, launch) {
      launches.set(name, launch);
      run.note(name, await launch());
    },
    async kill(name) {
      const identity = record.processes[name];
      await endProcesses(identity === undefined ? [] : [identity]);
    },
    async restart(name) {
      const launch = launches.get(name);
      if (launch === undefined) {
        throw new Error(`nothing of this node is called ${name}`);
      }
      await run.kill(name);
      await run.start(name, launch);
    },
    dead: () => Object.entries(record.processes).flatMap(([name, identity]) => (isRunning(identity) ? [] : [name])),
    release: () => owned.delete(record),
  };
  return run;
}
