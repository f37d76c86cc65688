/** What `npm run rig` does: each command on the control plane of one name. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { isRunning } from '../process-identity.mjs';
import { createApiClient } from './api-client.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { bulkheadCrdPaths } from './crds.ts';
import { CILIUM_VERSION } from './go-toolchain.ts';
import { type Instance, listInstances, processesOf, readInstance, removeInstance } from './instance.ts';
import { readKubeconfig } from './kubeconfig.ts';
import { applyCrds, findKubectl, KUBECTL_CACHE, kubectlFor } from './kubectl.ts';
import { IMAGES } from './node/images/recipes.ts';
import { startNode } from './node/start-node.ts';
import { KUBECONFIG_VARIABLE } from './resolve.ts';
import { RigError } from './rig-error.ts';
import { residentMebibytes } from './server-process.ts';
import { FILES } from './servers.ts';

/** Starts it with Bulkhead's CRDs; brings the CRDs of one that runs up to date. */
export async function up(name: string, signal: AbortSignal): Promise<void> {
  const existing = readInstance(name, process.env);
  if (existing !== undefined && isWhole(existing)) {
    await applyCrds(kubectlFor(await findKubectl(), kubeconfigOf(existing), cacheOf(existing)), bulkheadCrdPaths());
    print(`The control plane "${name}" runs already at ${existing.server}.`);
  } else {
    if (existing !== undefined) {
      await removeInstance(existing);
    }
    const cluster = await startControlPlane({ name, keep: true, crds: bulkheadCrdPaths(), signal });
    cluster.api.close();
    print(...welcome(name, cluster));
  }
}

/** The same with a node under it. @param install - whether missing Debian packages may be installed. */
export async function upNode(name: string, install: boolean, signal: AbortSignal): Promise<void> {
  const existing = readInstance(name, process.env);
  if (existing !== undefined && isWhole(existing)) {
    const what = existing.node === undefined ? 'runs without a node; end it first' : 'runs already';
    print(`The control plane "${name}" ${what}.`);
    return;
  }
  const cluster = await startNode({ name, install, keep: true, crds: bulkheadCrdPaths(), signal });
  cluster.api.close();
  print(
    ...welcome(name, cluster),
    `  Hubble is at ${cluster.hubbleAddress}, its relay at ${cluster.relayAddress}.`,
    `  Images for pods: ${Object.values(IMAGES).join(', ')}`,
  );
}

/** Prints what a part logged; without a part, or for an unknown one, the names of all. */
export function logs(name: string, part: string | undefined): void {
  const instance = readInstance(name, process.env);
  if (instance === undefined) {
    throw new RigError(`No control plane named "${name}" runs.`);
  }
  const files = [instance.folder, join(instance.folder, 'outside')]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
    .filter((file) => file.endsWith('.log'));
  const file = files.find((file) => basename(file, '.log') === part);
  if (file === undefined) {
    throw new RigError(`Name one of: ${files.map((file) => basename(file, '.log')).join(' ')}`);
  }
  process.stdout.write(readFileSync(file));
}

function welcome(name: string, cluster: ControlPlane): string[] {
  if (process.env[KUBECONFIG_VARIABLE]) {
    return [`${KUBECONFIG_VARIABLE} names ${cluster.server}: nothing started, Bulkhead's CRDs installed there.`];
  }
  const option = name === 'default' ? '' : ` --name ${name}`;
  return [
    `The control plane "${name}" is ready at ${cluster.server}.`,
    `  eval "$(npm run --silent rig -- env${option})"   to use it in this shell`,
    `  npm run rig -- down${option}                       to end it`,
  ];
}

/** Ends it. */
export async function down(name: string): Promise<void> {
  const instance = readInstance(name, process.env);
  if (instance === undefined) {
    print(`No control plane named "${name}" runs.`);
    return;
  }
  await removeInstance(instance);
  print(`Ended the control plane "${name}".`);
}

/** Prints how it is; false when it does not run whole. */
export async function status(name: string): Promise<boolean> {
  const others = listInstances(process.env).filter((other) => other.name !== name);
  const instance = readInstance(name, process.env);
  if (instance === undefined) {
    print(`No control plane named "${name}" runs; start it with \`npm run rig -- up\`.`);
  } else {
    print(...(await describe(instance)));
  }
  if (others.length > 0) {
    print(`Others: ${others.map((other) => other.name).join(', ')}`);
  }
  return instance !== undefined && isWhole(instance);
}

/** Shell commands that make a shell use it. */
export async function shellEnvironment(name: string): Promise<string> {
  const instance = readInstance(name, process.env);
  if (instance === undefined || !isWhole(instance)) {
    throw new RigError(`No control plane named "${name}" runs; start it with \`npm run rig -- up\`.`);
  }
  const kubectl = await findKubectl();
  return [
    `export KUBECONFIG=${quote(kubeconfigOf(instance))}`,
    `export KUBECACHEDIR=${quote(cacheOf(instance))}`,
    `export PATH=${quote(dirname(kubectl))}:"$PATH"`,
    '',
  ].join('\n');
}

async function describe(instance: Instance): Promise<string[]> {
  const processes = { ...instance.processes, ...instance.node?.processes };
  const rows = Object.entries(processes).map(([name, identity]) => {
    const port = portOf(instance, name);
    const state = isRunning(identity) ? `pid ${identity.pid}, ${residentMebibytes(identity.pid)} MiB` : 'not running';
    return `  ${name.padEnd(24)} ${state}${port === undefined ? '' : `, port ${port}`}`;
  });
  return [
    `${instance.name}: ${instance.server}, ${await serverVersion(instance)}, on ${instance.source}`,
    ...(instance.node === undefined ? [] : [`with a node: kubelet, containerd, Cilium and Hubble ${CILIUM_VERSION}`]),
    ...rows,
    ...Object.entries(instance.node?.addresses ?? {}).map(([name, address]) => `  ${name.padEnd(24)} ${address}`),
    `  ${'kubeconfig'.padEnd(24)} ${kubeconfigOf(instance)}`,
    `  ${'logs'.padEnd(24)} ${instance.folder}`,
  ];
}

function portOf({ ports }: Instance, server: string): number | undefined {
  const byServer: Record<string, number | undefined> = { etcd: ports?.etcdClient, 'kube-apiserver': ports?.apiserver };
  return byServer[server];
}

async function serverVersion(instance: Instance): Promise<string> {
  const api = createApiClient(readKubeconfig(kubeconfigOf(instance)));
  try {
    const { gitVersion } = await api.call<{ gitVersion: string }>('GET', '/version');
    return `Kubernetes ${gitVersion}`;
  } catch (error) {
    return `no answer (${error instanceof Error ? error.message : String(error)})`;
  } finally {
    api.close();
  }
}

/** Every server that was started still runs. */
function isWhole(instance: Instance): boolean {
  const servers = processesOf(instance);
  return instance.source === 'kind' || (servers.length > 0 && servers.every(isRunning));
}

function kubeconfigOf(instance: Instance): string {
  return join(instance.folder, FILES.adminKubeconfig);
}

function cacheOf(instance: Instance): string {
  return join(instance.folder, KUBECTL_CACHE);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function print(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
