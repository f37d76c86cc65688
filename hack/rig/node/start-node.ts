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
import type { ProgramResult } from '../run-program.ts';
import { type BringUp, startAgents, startContainerd, startServers, untilDnsAnswers, untilReady } from './bring-up.ts';
import { HUBBLE_SOCKET, prepareCilium } from './cilium.ts';
import { importImage, writeKubeletConfig } from './kubelet.ts';
import { NODE_ADDRESS, NODE_NAME } from './network.ts';
import { type Outside, startOutside } from './outside.ts';
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

/** A pod, and its container where it has several. */
export interface PodName {
  namespace: string;
  name: string;
  container?: string;
}

/** A control plane with a node under it. Its API server reaches webhooks that pods serve, not those of this machine. */
export interface NodeCluster extends LocalControlPlane {
  nodeName: string;
  nodeIp: string;
  /** `host:port` of Hubble's node server, plaintext. */
  hubbleAddress: string;
  /** The same as a unix socket. */
  hubbleSocketPath: string;
  /** `host:port` of Hubble's relay, plaintext. */
  relayAddress: string;
  outside: Outside;
  /** Runs a program in a pod, through the API server and the kubelet. */
  exec(pod: PodName, command: readonly string[], stdin?: string): Promise<ProgramResult>;
  /** Runs a program on the node itself. */
  execOnNode(command: readonly string[]): Promise<ProgramResult>;
  /** Loads an image archive, as `docker save` writes it. */
  loadImage(archive: string): Promise<void>;
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
export async function startNode(options: NodeOptions = {}): Promise<NodeCluster> {
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
): Promise<NodeCluster> {
  const { progress, signal, keep } = options;
  const startedAt = Date.now();
  const { run, node, outside: world, cgroupRoot } = await makeWorlds(instance, keep !== true);
  const { folder } = instance;
  const bringing: BringUp = { instance, run, node, parts, signal, cgroupRoot, agentFlags: options.agentFlags ?? [] };
  writeKubeletConfig(folder);
  prepareCilium(folder, { cniProgram: parts.programs['cilium-cni'], module: parts.module, tools: parts.tools });
  const runtime = startContainerd(bringing);
  const [outside, servers] = await Promise.all([
    startOutside(world, { folder: join(folder, 'outside'), names: options.names, onProcess: run.note }),
    startServers(bringing, keep === true),
    runtime,
  ]);
  const plane = await connect(
    { kubeconfigPath: servers.kubeconfigPath, folder, webhookHost: LOOPBACK },
    { env: options.env },
  );
  instance.server = plane.server;
  await startAgents(bringing, plane, options.crds ?? []);
  await untilReady(bringing, plane);
  progress.say(`the node is Ready after ${elapsed(startedAt)}`);
  await untilDnsAnswers(bringing, plane);
  progress.say(`pods run and names resolve after ${elapsed(startedAt)}`);
  if (keep === true) {
    delete instance.owner;
    run.release();
  }
  saveInstance(instance);
  return {
    ...plane,
    ...servers,
    ...partsOf(bringing),
    outside,
    exec: (pod, command, stdin) => plane.kubectl(['exec', ...execArgs(pod, stdin), '--', ...command], stdin),
    async stop() {
      run.release();
      await plane.stop();
      await servers.stop();
    },
  };
}

type OwnParts = Omit<NodeCluster, keyof LocalControlPlane | 'outside' | 'exec'>;

function partsOf({ run, node, instance }: BringUp): OwnParts {
  const { hubble = '', relay = '' } = run.record.addresses;
  return {
    nodeName: NODE_NAME,
    nodeIp: NODE_ADDRESS,
    hubbleAddress: hubble,
    hubbleSocketPath: join(instance.folder, HUBBLE_SOCKET),
    relayAddress: relay,
    execOnNode: (command) => node.exec(command),
    loadImage: (archive) => importImage(node, archive),
    killPart: (name) => run.kill(name),
    restartPart: (name) => run.restart(name),
  };
}

function execArgs({ namespace, name, container }: PodName, stdin: string | undefined): string[] {
  return [
    ...(stdin === undefined ? [] : ['--stdin']),
    '--namespace',
    namespace,
    name,
    ...(container === undefined ? [] : ['--container', container]),
  ];
}
