/**
 * Starts a control plane for a test, the demo or `npm run rig`, and ends it: etcd, kube-apiserver and
 * kube-controller-manager as three processes, so that each can be killed on its own.
 *
 * What it runs on is decided in `resolve.ts`, the servers' flags stand in `servers.ts`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type ApiClient, createApiClient } from './api-client.ts';
import type { Environment } from './folders.ts';
import { createInstance, type Instance, removeInstance, removeLeftOvers, saveInstance } from './instance.ts';
import { createKindCluster, kindGateway } from './kind.ts';
import { readKubeconfig } from './kubeconfig.ts';
import { applyCrds, findKubectl, KUBECTL_CACHE, type Kubectl, kubectlFor } from './kubectl.ts';
import { type LocalServers, startLocalServers } from './local-servers.ts';
import { LOOPBACK } from './ports.ts';
import { type Progress, progressTo } from './progress.ts';
import { type ClusterSource, resolveSource } from './resolve.ts';

export interface StartOptions {
  /** Names it for `npm run rig`; one of this process's own unless given. */
  name?: string;
  /** A cluster to use instead of starting one. */
  kubeconfig?: string;
  /** Leave it running when this process ends. */
  keep?: boolean;
  /** Files or folders of custom resource definitions to install. */
  crds?: readonly string[];
  /** Further flags for kube-apiserver, such as an audit log; only where we start it. */
  apiserverFlags?: readonly string[];
  progress?: Progress;
  env?: Environment;
  /** Ends a build or a start early. */
  signal?: AbortSignal;
}

/** A Kubernetes API server to work on. */
export interface ControlPlane {
  kubeconfigPath: string;
  server: string;
  caPem: string;
  /** Token of a cluster administrator; a cluster that somebody named may log in by certificate and have none. */
  adminToken?: string | undefined;
  /** The address at which the API server reaches webhooks that this machine serves. */
  webhookHost: string;
  /** A folder that goes away with the control plane. */
  folder: string;
  api: ApiClient;
  kubectl: Kubectl;
  /** Ends it, if it was started here. */
  stop(): Promise<void>;
}

/** A control plane whose servers are processes of this machine and may be broken. */
export interface LocalControlPlane extends ControlPlane, Omit<LocalServers, 'kubeconfigPath'> {
  adminToken: string;
}

let started = 0;

/**
 * Finds or starts a control plane; ready when it returns, some three seconds after a warm start.
 *
 * @example
 * const cluster = await startControlPlane();
 * await cluster.kubectl(['get', 'namespaces']);
 * await cluster.stop();
 * @throws RigError with one sentence about what the machine lacks.
 */
export async function startControlPlane(options: StartOptions = {}): Promise<ControlPlane> {
  const source = await resolve(options, false);
  if (source.kind === 'named') {
    const folder = mkdtempSync(join(tmpdir(), 'bulkhead-rig-'));
    const plane = await connect({ kubeconfigPath: source.kubeconfigPath, folder, webhookHost: LOOPBACK }, options);
    return withStop(plane, async () => rmSync(folder, { recursive: true, force: true }));
  }
  return source.kind === 'kind' ? startKind(options) : startLocal(source, options);
}

/** Starts servers of its own, also where a cluster is named: for whoever is going to break them. */
export async function startLocalControlPlane(options: StartOptions = {}): Promise<LocalControlPlane> {
  const source = await resolve(options, true);
  if (source.kind === 'named' || source.kind === 'kind') {
    throw new Error(`own servers asked for, ${source.kind} resolved`);
  }
  return startLocal(source, options);
}

async function resolve(options: StartOptions, own: boolean): Promise<ClusterSource> {
  const env = options.env ?? process.env;
  const progress = options.progress ?? progressTo();
  for (const name of await removeLeftOvers(env)) {
    progress.say(`ended the control plane "${name}", which a run that died had left behind`);
  }
  return resolveSource({ env, progress, signal: options.signal, kubeconfig: options.kubeconfig, own });
}

async function startKind(options: StartOptions): Promise<ControlPlane> {
  const instance = await newInstance('kind', options);
  try {
    const kubeconfigPath = await createKindCluster(instance.name, instance.folder);
    const address = { kubeconfigPath, folder: instance.folder, webhookHost: await kindGateway() };
    const plane = await connect(address, options);
    record(instance, plane.server, options);
    return withStop(plane, () => removeInstance(instance));
  } catch (error) {
    await removeInstance(instance);
    throw error;
  }
}

async function startLocal(
  source: Extract<ClusterSource, { programs: unknown }>,
  options: StartOptions,
): Promise<LocalControlPlane> {
  const instance = await newInstance(source.kind, options);
  try {
    const servers = await startLocalServers(instance, await source.programs(), options);
    const address = { kubeconfigPath: servers.kubeconfigPath, folder: instance.folder, webhookHost: LOOPBACK };
    const plane = await connect(address, options);
    record(instance, plane.server, options);
    return { ...servers, ...withStop(plane, servers.stop), adminToken: servers.adminToken };
  } catch (error) {
    await removeInstance(instance);
    throw error;
  }
}

/** Where a control plane is: enough for another process to use it. */
export type ControlPlaneAddress = Pick<ControlPlane, 'kubeconfigPath' | 'folder' | 'webhookHost'>;

/** Uses a control plane that somebody else started and will end; stopping it here only closes connections. */
export async function connect(
  address: ControlPlaneAddress,
  options: Pick<StartOptions, 'env' | 'crds'> = {},
): Promise<ControlPlane> {
  const { server, caPem, token: adminToken, ...rest } = readKubeconfig(address.kubeconfigPath);
  const program = await findKubectl(options.env);
  const kubectl = kubectlFor(program, address.kubeconfigPath, join(address.folder, KUBECTL_CACHE));
  await applyCrds(kubectl, options.crds ?? []);
  const api = createApiClient({ server, caPem, token: adminToken, ...rest });
  return { ...address, server, caPem, adminToken, api, kubectl, stop: async () => api.close() };
}

function withStop(plane: ControlPlane, end: () => Promise<void>): ControlPlane {
  return {
    ...plane,
    async stop() {
      await plane.stop();
      await end();
    },
  };
}

function newInstance(source: Instance['source'], options: StartOptions): Promise<Instance> {
  started += 1;
  return createInstance(options.name ?? `run-${process.pid}-${started}`, source, options.env ?? process.env);
}

/** From here on it belongs to nobody, if it is meant to stay. */
function record(instance: Instance, server: string, options: StartOptions): void {
  instance.server = server;
  if (options.keep === true) {
    delete instance.owner;
  }
  saveInstance(instance);
}
