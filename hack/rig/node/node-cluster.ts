/**
 * A running node as tests, the demo and benchmarks use it, by whoever started it or from another process: its pods, what
 * happens on the wire, and the world outside.
 */
import { join } from 'node:path';
import process from 'node:process';
import { type ControlPlane, connect } from '../control-plane.ts';
import type { Environment } from '../folders.ts';
import { type Instance, readInstance } from '../instance.ts';
import { LOOPBACK } from '../ports.ts';
import { RigError } from '../rig-error.ts';
import type { ProgramResult } from '../run-program.ts';
import { FILES } from '../servers.ts';
import { HUBBLE_SOCKET } from './cilium.ts';
import { importImage } from './kubelet.ts';
import { namespacesOf } from './namespaces.ts';
import { NODE_ADDRESS, NODE_NAME } from './network.ts';
import { type Outside, openOutside } from './outside.ts';

/** A pod, and its container where it has several. */
export interface PodName {
  namespace: string;
  name: string;
  container?: string;
}

/** A control plane with a node under it. Its API server reaches webhooks that pods serve, not those of this machine. */
export interface NodeCluster extends ControlPlane {
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
}

/** The folder of the outside in the folder of the node. */
export const OUTSIDE_FOLDER = 'outside';

/**
 * Uses a node that another process started and will end.
 * @throws RigError when there is none of that name.
 */
export async function openNode(name: string, env: Environment = process.env): Promise<NodeCluster> {
  const instance = readInstance(name, env);
  if (instance?.node?.holders === undefined) {
    throw new RigError(`No node named "${name}" runs; start one with \`npm run rig -- up --node\`.`);
  }
  const { folder } = instance;
  const address = { kubeconfigPath: join(folder, FILES.adminKubeconfig), folder, webhookHost: LOOPBACK };
  return nodeCluster(await connect(address, { env }), instance);
}

/** What the record of a node adds to its control plane. */
export function nodeCluster(plane: ControlPlane, { folder, node: record }: Instance): NodeCluster {
  if (record?.holders === undefined) {
    throw new Error('a node without namespaces');
  }
  const node = namespacesOf(record.holders.node, { groups: record.daemonGroups, dependent: false });
  const outside = namespacesOf(record.holders.outside, { groups: [], dependent: false });
  return {
    ...plane,
    nodeName: NODE_NAME,
    nodeIp: NODE_ADDRESS,
    hubbleAddress: record.addresses['hubble'] ?? '',
    hubbleSocketPath: join(folder, HUBBLE_SOCKET),
    relayAddress: record.addresses['relay'] ?? '',
    outside: openOutside(outside, join(folder, OUTSIDE_FOLDER)),
    exec: (pod, command, stdin) => plane.kubectl(['exec', ...execArgs(pod, stdin), '--', ...command], stdin),
    execOnNode: (command) => node.exec(command),
    loadImage: (archive) => importImage(node, archive),
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
