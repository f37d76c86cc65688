/**
 * Runs the servers of one control plane as processes of this machine: writes their keys and tokens, starts them in order,
 * waits until a pod could be created, and ends them.
 */
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, type ProcessIdentity } from '../process-identity.mjs';
import { type ApiClient, createApiClient } from './api-client.ts';
import { makeKeys } from './certificates.ts';
import { type Instance, removeInstance, type ServerName, saveInstance, serversOf } from './instance.ts';
import { type Access, writeKubeconfig } from './kubeconfig.ts';
import { freePorts, LOOPBACK } from './ports.ts';
import { RigError } from './rig-error.ts';
import { endProcesses, killProcesses, startServer, tailOfLog } from './server-process.ts';
import {
  apiserverFlags,
  controllerManagerFlags,
  etcdFlags,
  FILES,
  SERVER_NAMES,
  SERVICE_ADDRESS,
  type ServerPorts,
  type ServerPrograms,
} from './servers.ts';

export interface LocalServers {
  kubeconfigPath: string;
  /** The administrator's. */
  access: Access;
  adminToken: string;
  /** Pids; kept up to date over restarts. Without a controller manager on KUBEBUILDER_ASSETS. */
  processes: { etcd: number; apiserver: number; controllerManager?: number };
  /** Kills the API server, as a crash would: connections are reset, the data stays. */
  stopApiServer(): Promise<void>;
  /** Starts it again on the same port with the same keys; returns when it is ready. */
  startApiServer(): Promise<void>;
  /** `stopApiServer`, then `startApiServer`. */
  restartApiServer(): Promise<void>;
  stop(): Promise<void>;
}

export interface LocalServersOptions {
  apiserverFlags?: readonly string[];
  controllerManagerFlags?: readonly string[];
  /** Called with the ports before the servers start; again with others when one was taken meanwhile. */
  onPorts?: (ports: ServerPorts) => Promise<void>;
  keep?: boolean;
  signal?: AbortSignal;
}

/** A start takes 3 s on two idle cores; a machine busy with a build may need many times that. */
const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 50;
/** Another program may take a port between the moment it was free and the server's start. */
const PORT_ATTEMPTS = 3;
const ADMIN = 'bulkhead-rig-admin';
const CONTROLLER_MANAGER = 'system:kube-controller-manager';

/** Servers that this process ends, whatever way it exits. */
const owned = new Set<Instance>();
process.on('exit', () => owned.forEach((instance) => killProcesses(serversOf(instance))));

/** What every step of the start needs. */
interface Start {
  instance: Instance;
  programs: ServerPrograms;
  options: LocalServersOptions;
  access: Access;
  ports: ServerPorts;
}

/**
 * Starts the servers of `instance`.
 * @throws RigError with the end of its log when a server dies, or is not ready within two minutes.
 */
export async function startLocalServers(
  instance: Instance,
  programs: ServerPrograms,
  options: LocalServersOptions,
): Promise<LocalServers> {
  if (options.keep !== true) {
    owned.add(instance);
  }
  const tokens = { admin: newToken(), controllerManager: newToken() };
  const caPem = await writeKeys(instance.folder, tokens);
  const start = await startWithFreePorts(instance, async (ports) => {
    await options.onPorts?.(ports);
    const access: Access = { server: `https://${LOOPBACK}:${ports.apiserver}`, caPem, token: tokens.admin };
    writeKubeconfig(join(instance.folder, FILES.adminKubeconfig), access, ADMIN);
    const managerAccess = { ...access, token: tokens.controllerManager };
    writeKubeconfig(join(instance.folder, FILES.controllerManagerKubeconfig), managerAccess, CONTROLLER_MANAGER);
    const start: Start = { instance, programs, options, access, ports };
    await startAll(start);
    return start;
  });
  return handleOf(start, tokens.admin);
}

function handleOf(start: Start, adminToken: string): LocalServers {
  const { instance } = start;
  const processes: LocalServers['processes'] = { etcd: 0, apiserver: 0 };
  const refresh = () => {
    processes.etcd = instance.processes.etcd?.pid ?? 0;
    processes.apiserver = instance.processes['kube-apiserver']?.pid ?? 0;
    const manager = instance.processes['kube-controller-manager'];
    if (manager !== undefined) {
      processes.controllerManager = manager.pid;
    }
  };
  refresh();
  const servers: LocalServers = {
    kubeconfigPath: join(instance.folder, FILES.adminKubeconfig),
    access: start.access,
    adminToken,
    processes,
    stopApiServer: () => endProcesses(running(instance, 'kube-apiserver')),
    async startApiServer() {
      launchApiServer(start);
      refresh();
      await withClient(start.access, (client) => untilReady(start, client));
    },
    async restartApiServer() {
      await servers.stopApiServer();
      await servers.startApiServer();
    },
    async stop() {
      owned.delete(instance);
      await removeInstance(instance);
    },
  };
  return servers;
}

/** Keys and tokens of the servers; returns the CA. */
async function writeKeys(folder: string, tokens: { admin: string; controllerManager: string }): Promise<string> {
  const keys = await makeKeys(SERVER_NAMES, [LOOPBACK, SERVICE_ADDRESS]);
  const files = {
    [FILES.ca]: keys.caPem,
    [FILES.serverCertificate]: keys.serverCertificatePem,
    [FILES.serverKey]: keys.serverKeyPem,
    [FILES.serviceAccountKey]: keys.serviceAccountKeyPem,
    [FILES.serviceAccountPublicKey]: keys.serviceAccountPublicKeyPem,
    [FILES.tokens]: `${tokens.admin},${ADMIN},${ADMIN},"system:masters"\n${tokens.controllerManager},${CONTROLLER_MANAGER},${CONTROLLER_MANAGER}\n`,
  };
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
  }
  return keys.caPem;
}

function newToken(): string {
  return randomBytes(32).toString('hex');
}

async function startWithFreePorts(instance: Instance, run: (ports: ServerPorts) => Promise<Start>): Promise<Start> {
  for (let attempt = 1; ; attempt += 1) {
    const [etcdClient = 0, etcdPeer = 0, apiserver = 0] = await freePorts(3);
    instance.ports = { etcdClient, etcdPeer, apiserver };
    try {
      return await run(instance.ports);
    } catch (error) {
      if (attempt === PORT_ATTEMPTS || !(error instanceof Error) || !error.message.includes('address already in use')) {
        throw error;
      }
      await endProcesses(serversOf(instance));
      rmSync(join(instance.folder, 'etcd'), { recursive: true, force: true });
    }
  }
}

async function startAll(start: Start): Promise<void> {
  const { instance, programs, ports } = start;
  launch(instance, 'etcd', [...programs.etcd, ...etcdFlags(instance.folder, ports)]);
  launchApiServer(start);
  await withClient(start.access, async (client) => {
    await untilReady(start, client);
    if (programs.controllerManager !== undefined) {
      launch(instance, 'kube-controller-manager', [
        ...programs.controllerManager,
        ...controllerManagerFlags(instance.folder),
        ...(start.options.controllerManagerFlags ?? []),
      ]);
      await untilAnswers(start, client, '/api/v1/namespaces/default/serviceaccounts/default');
    }
  });
}

function launchApiServer({ instance, programs, ports, options }: Start): void {
  const flags = apiserverFlags(instance.folder, ports, programs.controllerManager !== undefined);
  launch(instance, 'kube-apiserver', [...programs.apiserver, ...flags, ...(options.apiserverFlags ?? [])]);
}

/** On record before anything else happens, so that a crash in the next moment leaves no nameless process. */
function launch(instance: Instance, name: ServerName, command: readonly string[]): void {
  instance.processes[name] = startServer(instance.folder, name, command);
  saveInstance(instance);
}

function untilReady(start: Start, client: ApiClient): Promise<void> {
  return untilAnswers(start, client, '/readyz');
}

async function untilAnswers({ instance, options }: Start, client: ApiClient, path: string): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const dead = Object.entries(instance.processes).find(([, identity]) => !isRunning(identity));
    if (dead !== undefined) {
      throw new RigError(
        `${dead[0]} ended while starting; the end of its log:\n${tailOfLog(instance.folder, dead[0])}`,
      );
    }
    if ((await statusOf(client, path)) === 200) {
      return;
    }
    if (Date.now() > deadline) {
      throw new RigError(
        `The API server does not answer ${path} after ${READY_TIMEOUT_MS / 1000} s; its logs are in ${instance.folder}.`,
      );
    }
    await sleep(POLL_MS, undefined, { signal: options.signal });
  }
}

/** Undefined while nobody listens. */
async function statusOf(client: ApiClient, path: string): Promise<number | undefined> {
  try {
    return (await client.request('GET', path)).status;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ECONNREFUSED' || code === 'ECONNRESET') {
      return undefined;
    }
    throw error;
  }
}

async function withClient(access: Access, work: (client: ApiClient) => Promise<void>): Promise<void> {
  const client = createApiClient(access);
  try {
    await work(client);
  } finally {
    client.close();
  }
}

function running(instance: Instance, name: ServerName): ProcessIdentity[] {
  const identity = instance.processes[name];
  return identity === undefined ? [] : [identity];
}
