/**
 * The parts of a node in the order in which they need one another: runtime and control plane side by side, then Cilium and
 * the kubelet, then the first pod. Each wait ends at once when a part dies, with the end of its log.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane } from '../control-plane.ts';
import { allCiliumCrdPaths } from '../crds.ts';
import type { Instance } from '../instance.ts';
import { applyCrds } from '../kubectl.ts';
import { type LocalServers, startLocalServers } from '../local-servers.ts';
import { freePorts, LOOPBACK } from '../ports.ts';
import { RigError } from '../rig-error.ts';
import { startServer, tailOfLog } from '../server-process.ts';
import { programsOfBuild, type ServerPrograms } from '../servers.ts';
import {
  agentCommand,
  ciliumOperatorCommand,
  HUBBLE_PORT,
  installCniConfig,
  isCniReady,
  RELAY_PORT,
  relayCommand,
} from './cilium.ts';
import { clusterServices, DNS_DEPLOYMENT } from './cluster-services.ts';
import { apiserverNodeFlags, NODE_FILES, writeNodeKeys, writeNodeKubeconfigs } from './credentials.ts';
import { containerdAnswers, containerdCommand, importImage, kubeletCommand } from './kubelet.ts';
import { type Namespaces, startInside } from './namespaces.ts';
import { NODE_ADDRESS, NODE_NAME, POD_RANGE } from './network.ts';
import type { NodeRun } from './node-run.ts';
import type { NodeParts } from './parts.ts';

/** What every step needs. */
export interface BringUp {
  instance: Instance;
  run: NodeRun;
  node: Namespaces;
  parts: NodeParts;
  signal: AbortSignal | undefined;
  /** Where Cilium hooks the node's sockets. */
  cgroupRoot: string;
  agentFlags: readonly string[];
}

/** 12 s on two idle cores; a machine busy with a build may need many times that. */
const WAIT_MS = 180_000;
const POLL_MS = 50;
/** Time in which a forwarder says that it cannot listen. */
const FORWARD_MS = 100;

/** Starts containerd. */
export async function startContainerd(bringing: BringUp): Promise<void> {
  const { run, node } = bringing;
  await run.start('containerd', () => startInside(node, run.folder, 'containerd', containerdCommand));
  await until(bringing, 'containerd to answer', () => containerdAnswers(node));
}

/** Loads the images into containerd. */
export async function loadImages({ node, parts }: BringUp): Promise<void> {
  for (const archive of parts.images) {
    await importImage(node, archive);
  }
}

/** Starts the control plane in the node's network, and lets this machine in by loopback. */
export async function startServers(bringing: BringUp, keep: boolean): Promise<LocalServers> {
  const { instance, node, parts, run, signal } = bringing;
  const authority = await writeNodeKeys(run.folder);
  const servers = await startLocalServers(instance, programsIn(node, parts.programs.controlplane), {
    keep,
    ...(signal !== undefined && { signal }),
    apiserverFlags: apiserverNodeFlags(run.folder),
    controllerManagerFlags: ['--allocate-node-cidrs=true', `--cluster-cidr=${POD_RANGE}`],
    onPorts: async ({ apiserver }) => {
      await forward(bringing, 'forward-api', apiserver, `${LOOPBACK}:${apiserver}`);
    },
  });
  await writeNodeKubeconfigs(run.folder, authority, servers.access);
  return servers;
}

/** The servers share the node's network and cgroup, through which Cilium brings them to Services; not its mounts. */
function programsIn(node: Namespaces, program: string): ServerPrograms {
  const programs = programsOfBuild(program);
  return {
    etcd: node.enterNetwork(programs.etcd),
    apiserver: node.enterNetwork(programs.apiserver),
    controllerManager: node.enterNetwork(programs.controllerManager ?? []),
  };
}

/** Gives a port of the node a loopback address of this machine. */
async function forward(bringing: BringUp, name: string, port: number, to: string): Promise<string> {
  const { run, node, parts } = bringing;
  const listen = `${LOOPBACK}:${port}`;
  const flags = ['--pid', String(node.holder.pid), '--listen', listen, '--to', to];
  const command = node.beside([parts.programs['netns-forward'], ...flags]);
  await run.kill(name);
  await run.start(name, () => startServer(run.folder, name, command));
  await sleep(FORWARD_MS, undefined, { signal: bringing.signal });
  if (run.dead().includes(name)) {
    throw new RigError(`${name} ended at once: ${tailOfLog(run.folder, name)}`);
  }
  return listen;
}

/** Starts kubelet, Cilium and scheduler, and installs what they wait for. containerd must answer by now. */
export async function startAgents(bringing: BringUp, plane: ControlPlane, crds: readonly string[]): Promise<void> {
  const { run, node, parts } = bringing;
  const { folder } = run;
  const agent = agentCommand(parts.programs.node, [`--cgroup-root=${bringing.cgroupRoot}`, ...bringing.agentFlags]);
  await run.start('cilium-agent', () => startInside(node, folder, 'cilium-agent', agent));
  await run.start('kubelet', () => startInside(node, folder, 'kubelet', kubeletCommand(parts.programs.node)));
  await Promise.all([installObjects(bringing, plane, crds), connectPods(bringing), startHelpers(bringing)]);
}

async function installObjects({ parts }: BringUp, plane: ControlPlane, crds: readonly string[]): Promise<void> {
  await applyCrds(plane.kubectl, [...allCiliumCrdPaths(parts.module), ...crds]);
  await applyAll(plane, clusterServices());
}

async function connectPods(bringing: BringUp): Promise<void> {
  await until(bringing, 'Cilium to serve pods', () => isCniReady(bringing.run.folder));
  installCniConfig(bringing.run.folder);
}

/** What needs little of the node, and the ways in from this machine. */
async function startHelpers(bringing: BringUp): Promise<void> {
  const { run, node, parts } = bringing;
  const { folder } = run;
  const operator = ciliumOperatorCommand(parts.programs.node);
  await run.start('cilium-operator', () => startInside(node, folder, 'cilium-operator', operator));
  const commands = {
    'kube-scheduler': schedulerCommand(parts.programs.node, `${folder}/${NODE_FILES.schedulerKubeconfig}`),
    'hubble-relay': relayCommand(parts.programs.node),
  };
  for (const [name, command] of Object.entries(commands)) {
    // They would leave small files in whoever's home they find.
    const inNetwork = node.enterNetwork(['env', `HOME=${folder}`, ...command]);
    await run.start(name, () => startServer(folder, name, inNetwork));
  }
  const [hubble = 0, relay = 0] = await freePorts(2);
  run.record.addresses = {
    hubble: await forward(bringing, 'forward-hubble', hubble, `${LOOPBACK}:${HUBBLE_PORT}`),
    relay: await forward(bringing, 'forward-relay', relay, `${NODE_ADDRESS}:${RELAY_PORT}`),
  };
}

function schedulerCommand(program: string, kubeconfig: string): string[] {
  return [
    program,
    'kube-scheduler',
    `--kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
    `--bind-address=${LOOPBACK}`,
  ];
}

/** Waits until pods may be scheduled to the node. */
export function untilReady(bringing: BringUp, plane: ControlPlane): Promise<void> {
  return until(bringing, 'the node to be Ready', async () => {
    const { status, body } = await plane.api.request<NodeObject>('GET', `/api/v1/nodes/${NODE_NAME}`);
    const isReady =
      status === 200 && body.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
    return isReady === true && (body.spec?.taints ?? []).length === 0;
  });
}

interface NodeObject {
  spec?: { taints?: object[] };
  status?: { conditions?: { type: string; status: string }[] };
}

/** Waits until the DNS server is Ready, which is the proof that pods run. */
export function untilDnsAnswers(bringing: BringUp, plane: ControlPlane): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${DNS_DEPLOYMENT.namespace}/deployments/${DNS_DEPLOYMENT.name}`;
  return until(bringing, 'the DNS server to answer', async () => {
    const { body } = await plane.api.request<{ status?: { readyReplicas?: number } }>('GET', path);
    return (body.status?.readyReplicas ?? 0) > 0;
  });
}

async function applyAll({ kubectl }: ControlPlane, objects: readonly object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  const { code, stderr } = await kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(list));
  if (code !== 0) {
    throw new RigError(`the cluster's own Services could not be made: ${stderr.trim()}`);
  }
}

async function until(bringing: BringUp, what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const { run, signal } = bringing;
  const deadline = Date.now() + WAIT_MS;
  while (!(await isSo())) {
    const [dead] = run.dead();
    if (dead !== undefined) {
      throw new RigError(`${dead} ended while starting; the end of its log:\n${tailOfLog(run.folder, dead)}`);
    }
    if (Date.now() > deadline) {
      throw new RigError(`Waited ${WAIT_MS / 1000} s for ${what}; logs are in ${run.folder}.`);
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}
