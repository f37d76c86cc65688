/**
 * The record of one control plane on disk: enough for another process to show it, use it and end it, and to tell whether
 * the run that started it has died without cleaning up.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { identityOf, isRunning, type ProcessIdentity } from '../process-identity.mjs';
import { type Environment, rigFolder } from './folders.ts';
import { deleteKindCluster } from './kind.ts';
import { removeCgroups } from './node/cgroups.ts';
import { RigError } from './rig-error.ts';
import { endProcesses } from './server-process.ts';
import type { ServerPorts } from './servers.ts';

/** The servers, by the names that messages use. */
export type ServerName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager';

export interface Instance {
  name: string;
  folder: string;
  /** The run that ends it; none once it is meant to outlive the run that started it. */
  owner?: ProcessIdentity;
  /** What it runs on. */
  source: 'build' | 'assets' | 'kind';
  server: string;
  ports?: ServerPorts;
  processes: Partial<Record<ServerName, ProcessIdentity>>;
  /** The node under it, where there is one. */
  node?: NodeRecord;
}

/** What a node adds: processes by the names that messages use, and folders of the cgroup tree. */
export interface NodeRecord {
  processes: Record<string, ProcessIdentity>;
  cgroups: readonly string[];
  /** The groups among them, or below them, that processes of the node join. */
  daemonGroups: readonly string[];
  /** Process 1 of the node's namespaces and of the outside's. */
  holders?: { node: ProcessIdentity; outside: ProcessIdentity };
  /** `host:port` of `hubble` and of `relay`. */
  addresses: Record<string, string>;
}

const RECORD = 'instance.json';
/** Also a DNS label, because kind makes a cluster's name from it. */
const NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;

/**
 * Takes a name: makes its folder, owned by this process.
 * @throws RigError when a control plane of that name runs, or the name is none.
 */
export async function createInstance(name: string, source: Instance['source'], env: Environment): Promise<Instance> {
  if (!NAME.test(name)) {
    throw new RigError(`"${name}" cannot name a control plane; use up to 40 lower-case letters, digits and dashes.`);
  }
  const existing = readInstance(name, env);
  if (existing !== undefined) {
    if (isUp(existing)) {
      throw nameTaken(name);
    }
    await removeInstance(existing);
  }
  const owner = identityOf(process.pid);
  const folder = join(rigFolder(env), name);
  const unfinished = join(rigFolder(env), `.${name}.${process.pid}`);
  const instance: Instance = { name, folder, source, server: '', processes: {}, ...(owner && { owner }) };
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  writeFileSync(join(unfinished, RECORD), JSON.stringify(instance));
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true });
    throw nameTaken(name, error);
  }
  return instance;
}

function nameTaken(name: string, cause?: unknown): RigError {
  return new RigError(
    `A control plane named "${name}" runs already; choose another name, or end it with \`npm run rig -- down --name ${name}\`.`,
    { cause },
  );
}

/** Whoever reads the record while it is written sees the old or the new one, whole. */
export function saveInstance(instance: Instance): void {
  const path = join(instance.folder, RECORD);
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, JSON.stringify(instance, undefined, 2), { mode: 0o600 });
  renameSync(unfinished, path);
}

/** The control plane of that name, running or not; undefined when there is none. */
export function readInstance(name: string, env: Environment): Instance | undefined {
  const path = join(rigFolder(env), name, RECORD);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Instance) : undefined;
}

/** Every control plane on record. */
export function listInstances(env: Environment): Instance[] {
  const folder = rigFolder(env);
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  return names
    .filter((name) => NAME.test(name))
    .map((name) => readInstance(name, env))
    .filter((instance) => instance !== undefined);
}

/** Whether somebody is still there for it: a server that answers for it, or the run that is starting it. */
export function isUp(instance: Instance): boolean {
  const starting = instance.owner !== undefined && isRunning(instance.owner);
  return (
    starting || (instance.owner === undefined && (instance.source === 'kind' || serversOf(instance).some(isRunning)))
  );
}

/** Ends the servers and forgets the control plane. */
export async function removeInstance(instance: Instance): Promise<void> {
  if (instance.source === 'kind') {
    await deleteKindCluster(instance.name);
  }
  await endProcesses(processesOf(instance));
  await removeCgroups(instance.node?.cgroups ?? []);
  rmSync(instance.folder, { recursive: true, force: true });
}

/** Ends what runs left behind that died without cleaning up. Returns the names. */
export async function removeLeftOvers(env: Environment): Promise<string[]> {
  const leftOvers = listInstances(env).filter((instance) => !isUp(instance));
  for (const instance of leftOvers) {
    await removeInstance(instance);
  }
  return leftOvers.map(({ name }) => name);
}

/** Everything that runs for it. */
export function processesOf(instance: Instance): ProcessIdentity[] {
  return [...serversOf(instance), ...Object.values(instance.node?.processes ?? {})];
}

/** The processes of the servers. */
export function serversOf(instance: Instance): ProcessIdentity[] {
  return Object.values(instance.processes);
}
