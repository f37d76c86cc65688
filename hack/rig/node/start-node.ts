/**
 * Starts a whole node under a control plane of its own: namespaces, containerd, kubelet, Cilium, Hubble, DNS, and a world
 * outside to talk to. Real pods, real packets; no Docker, no registry.
 *
 * What it is put together from is in `parts.ts`; how each part is configured, in the file of its name.
 */
import { join } from 'node:path';
import process from 'node:process';
import { connect, type LocalControlPlane, type StartOptions } from '../control-plane.ts';
import { createInstance, type Instance, removeInstance, removeLeftOvers, saveInstance } from '../instance.ts';
import { LOOPBACK } from '../ports.ts';
import { elapsed, progressTo } from '../progress.ts';
import {
  type BringUp,
  loadImages,
  startAgents,
  startContainerd,
  startServers,
  untilDnsAnswers,
  untilReady,
} from './bring-up.ts';
import { prepareCilium } from './cilium.ts';
import { writeKubeletConfig } from './kubelet.ts';
import { type NodeCluster, nodeCluster, OUTSIDE_FOLDER } from './node-cluster.ts';
import { startOutside } from './outside.ts';
import { type NodeParts, prepareParts } from './parts.ts';
import { makeWorlds } from './worlds.ts';

export interface NodeOptions extends Omit<StartOptions, 'kubeconfig' | 'apiserverFlags'> {
  /** Install missing Debian packages by apt-get. */
  install?: boolean;
  /** Whether Bulkhead's image is made and loaded. Default true. */
  operatorImage?: boolean;
  /** Further names for the outside's DNS server, as name to address. */
  names?: Readonly<Record<string, string>>;
  /** Further flags for the Cilium agent, which win over ours. */
  agentFlags?: readonly string[];
}

/** A node whose parts are processes of this machine and may be broken. */
export interface LocalNodeCluster extends NodeCluster, Omit<LocalControlPlane, keyof NodeCluster> {
  adminToken: string;
  /** Kills a part, such as `cilium-agent` or `kubelet`, as a crash would. */
  killPart(name: string): Promise<void>;
  /** Starts a part again, killing it first if it runs. */
  restartPart(name: string): Promise<void>;
}

let started = 0;

/**
 * Starts a node and waits until it is Ready and its DNS server answers.
 *
 * @example
 * const cluster = await startNode();
 * await cluster.kubectl(['run', 'a', '--image=rig.bulkhead.dev/agent:1', '--', '-c', 'sleep infinity']);
 * await cluster.stop();
 * @throws RigError with everything that the machine lacks.
 */
export async function startNode(options: NodeOptions = {}): Promise<LocalNodeCluster> {
  const env = options.env ?? process.env;
  const progress = options.progress ?? progressTo();
  for (const name of await removeLeftOvers(env)) {
    progress.say(`ended "${name}", which a run that died had left behind`);
  }
  const { signal, install, operatorImage = true } = options;
  const parts = await prepareParts({ env, progress, signal, install, operatorImage });
  started += 1;
  const instance = await createInstance(options.name ?? `node-${process.pid}-${started}`, 'build', env);
  try {
    return await bringUp(instance, parts, { ...options, env, progress });
  } catch (error) {
    await removeInstance(instance);
    throw error;
  }
}

async function bringUp(
  instance: Instance,
  parts: NodeParts,
  options: NodeOptions & Required<Pick<NodeOptions, 'env' | 'progress'>>,
): Promise<LocalNodeCluster> {
  const { progress, signal, keep } = options;
  const startedAt = Date.now();
  const { run, node, outside: world, cgroupRoot } = await makeWorlds(instance, keep !== true);
  const { folder } = instance;
  const bringing: BringUp = { instance, run, node, parts, signal, cgroupRoot, agentFlags: options.agentFlags ?? [] };
  writeKubeletConfig(folder);
  prepareCilium(folder, { cniProgram: parts.programs['cilium-cni'], module: parts.module, tools: parts.tools });
  const [servers] = await Promise.all([
    startServers(bringing, keep === true),
    startContainerd(bringing),
    startOutside(world, { folder: join(folder, OUTSIDE_FOLDER), names: options.names, onProcess: run.note }),
  ]);
  const plane = await connect(
    { kubeconfigPath: servers.kubeconfigPath, folder, webhookHost: LOOPBACK },
    { env: options.env },
  );
  instance.server = plane.server;
  const becomesReady = async (): Promise<void> => {
    await startAgents(bringing, plane, options.crds ?? []);
    await untilReady(bringing, plane);
    progress.say(`the node is Ready after ${elapsed(startedAt)}`);
  };
  await Promise.all([becomesReady(), loadImages(bringing)]);
  await untilDnsAnswers(bringing, plane);
  progress.say(`pods run and names resolve after ${elapsed(startedAt)}`);
  if (keep === true) {
    delete instance.owner;
    run.release();
  }
  saveInstance(instance);
  return {
    ...servers,
    ...nodeCluster(plane, instance),
    adminToken: servers.adminToken,
    killPart: (name) => run.kill(name),
    restartPart: (name) => run.restart(name),
    async stop() {
      run.release();
      await plane.stop();
      await servers.stop();
    },
  };
}
