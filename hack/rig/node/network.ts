/**
 * The addresses of the node's small world, and the wire between its two ends. All are documentation addresses or the
 * cluster's own, and all are inside network namespaces: two nodes side by side use the same ones.
 */
import { RigError } from '../rig-error.ts';
import { runProgram } from '../run-program.ts';
import type { Namespaces } from './namespaces.ts';

export const NODE_NAME = 'bulkhead-node';
/** The node's own address, on the wire to the outside. */
export const NODE_ADDRESS = '198.51.100.2';
const GATEWAY_ADDRESS = '198.51.100.1';
const WIRE_PREFIX = 24;
export const POD_RANGE = '10.244.0.0/16';
/** The Service of the cluster's DNS server. */
export const DNS_ADDRESS = '10.96.0.10';

/** The hosts of the outside world, by what they are. */
export const OUTSIDE = {
  ssh: '203.0.113.10',
  web: '203.0.113.20',
  pool: '203.0.113.30',
  database: '203.0.113.40',
  dns: '203.0.113.53',
  time: '203.0.113.123',
} as const;

/** Joins node and outside by a veth pair and gives both their addresses. */
export async function connectNetworks(node: Namespaces, outside: Namespaces): Promise<void> {
  await ip(node, [
    `link add eth0 type veth peer name eth0 netns ${outside.holder.pid}`,
    'link set lo up',
    `address add ${NODE_ADDRESS}/${WIRE_PREFIX} dev eth0`,
    'link set eth0 up',
  ]);
  await ip(outside, [
    'link set lo up',
    `address add ${GATEWAY_ADDRESS}/${WIRE_PREFIX} dev eth0`,
    ...Object.values(OUTSIDE).map((address) => `address add ${address}/32 dev lo`),
    'link set eth0 up',
  ]);
  await ip(node, [`route add default via ${GATEWAY_ADDRESS}`]);
  const settings = ['net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0'];
  await succeed(node.enterNetwork(['sysctl', '-qw', ...settings]));
}

/** Runs lines of `ip`, with the machine's own view of pids. */
async function ip(namespaces: Namespaces, lines: readonly string[]): Promise<void> {
  await succeed(namespaces.enterNetwork(['ip', '-batch', '-']), `${lines.join('\n')}\n`);
}

async function succeed([program = '', ...args]: readonly string[], stdin?: string): Promise<void> {
  const answer = await runProgram(program, args, stdin === undefined ? {} : { stdin });
  if (answer?.code !== 0) {
    throw new RigError(`the node's network could not be made: ${answer?.stderr.trim() ?? `${program} is not on PATH`}`);
  }
}
