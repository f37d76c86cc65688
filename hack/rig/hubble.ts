/**
 * The real Hubble server and relay for the demo and the tests, fed with flows from JSON lines instead of a datapath.
 *
 * One process a node and one for the relay, so that each can be killed and started again by itself. Addresses stay the
 * same over a restart. What it feeds on is described in go/hubble-feeder.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FeederProcess, type FeederReport, startFeeder } from './feeder-process.ts';
import { buildGo } from './go-build.ts';
import { RigError } from './rig-error.ts';

export interface HubbleOptions {
  /** Names of the nodes, as `cluster/node` or `node`. Default one, `kind-worker`. */
  nodes?: readonly string[];
  /** Whether to start a relay over all nodes. */
  relay?: boolean;
  /** File of JSON lines, plain or .gz, for the first node to feed before anything written; `fed` says when it is through. */
  input?: string;
  /** Certificate files for the nodes' TCP addresses and the relay; with `clientCa`, mutual TLS. Sockets stay plaintext. */
  tls?: { cert: string; key: string; clientCa?: string };
  /** Events a node's ring holds, one less than a power of two. Default 4095. */
  ring?: number;
  /** Events per second. Default as fast as they can be read. */
  rate?: number;
  /** Pace by recorded time, this many times as fast. */
  speed?: number;
  /** Shift recorded times so that the first event happens now. */
  rebaseTime?: boolean;
  /** Whether to keep the newest event readable and new streams from being mute; false shows Hubble as it is. Default true. */
  pad?: boolean;
  /** The feeder to run instead of the one that is built. */
  program?: string;
}

export interface HubbleNode {
  readonly name: string;
  /** `host:port` of the node server. */
  readonly address: string;
  /** Path of its unix socket. */
  readonly socketPath: string;
  /** Feeds lines, and resolves when they are in the ring. */
  write(lines: readonly string[]): Promise<void>;
  /** Resolves when the file given as `input` has been fed. */
  fed(): Promise<void>;
  /** Ends all connections and stops listening; the ring goes on filling. */
  close(): Promise<void>;
  /** Listens again. */
  open(): Promise<void>;
  /** Ends the process, as a crash of the agent does; the ring is lost. */
  kill(): Promise<void>;
  /** Starts it again with an empty ring. */
  start(): Promise<void>;
}

export interface RunningHubble {
  readonly nodes: readonly HubbleNode[];
  /** `host:port` of the first node's server. */
  readonly nodeAddress: string;
  /** Path of the first node's socket. */
  readonly socketPath: string;
  /** `host:port` of the relay, when there is one. */
  readonly relayAddress: string | undefined;
  /** Feeds lines to the first node, and resolves when they are in the ring. */
  write(lines: readonly string[]): Promise<void>;
  killRelay(): Promise<void>;
  startRelay(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts Hubble and waits until it serves.
 *
 * @example
 * const hubble = await startHubble({ relay: true });
 * await hubble.write(lines); // source address: hubble.relayAddress
 */
export async function startHubble(options: HubbleOptions = {}): Promise<RunningHubble> {
  const program = options.program ?? (await buildGo('hubble-feeder'));
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-hubble-'));
  const started: Part[] = [];
  try {
    const nodes: NodePart[] = [];
    for (const [index, name] of (options.nodes ?? ['kind-worker']).entries()) {
      const input = index === 0 ? options.input : undefined;
      nodes.push(await startNode(program, name, join(folder, `${index}.sock`), { ...options, input }));
      started.push(...nodes.slice(-1));
    }
    const relay = options.relay === true ? await startRelay(program, nodes, options) : undefined;
    started.push(...(relay === undefined ? [] : [relay]));
    return running(nodes, relay, async () => {
      await Promise.all(started.map((part) => part.kill()));
      await rm(folder, { recursive: true, force: true });
    });
  } catch (error) {
    await Promise.all(started.map((part) => part.kill()));
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function running(nodes: readonly NodePart[], relay: Part | undefined, stop: () => Promise<void>): RunningHubble {
  const [first] = nodes;
  if (first === undefined) {
    throw new RigError('Hubble needs at least one node.');
  }
  return {
    nodes,
    nodeAddress: first.address,
    socketPath: first.socketPath,
    relayAddress: relay?.address,
    write: (lines) => first.write(lines),
    killRelay: () => present(relay).kill(),
    startRelay: () => present(relay).start(),
    stop,
  };
}

/** A process that can be killed and started again at the same address. */
interface Part {
  readonly address: string;
  readonly feeder: () => FeederProcess;
  kill(): Promise<void>;
  start(): Promise<void>;
}

type NodePart = Part & HubbleNode & { readonly peerAddress: string };

/** @param args - the flags, given what it said when it was ready before, or nothing the first time. */
async function startPart(program: string, args: (before: FeederReport) => readonly string[]): Promise<Part> {
  const free = '127.0.0.1:0';
  let feeder = await startFeeder(program, args({ address: free, peerAddress: free }));
  const { ready } = feeder;
  const address = ready.address ?? '';
  return {
    address,
    feeder: () => feeder,
    kill: () => feeder.kill(),
    async start() {
      feeder = await startFeeder(program, args(ready));
    },
  };
}

async function startNode(
  program: string,
  name: string,
  socketPath: string,
  options: HubbleOptions & { input: string | undefined },
): Promise<NodePart> {
  const flags = [...nodeFlags(options), '--name', name, '--socket', socketPath];
  let input = options.input === undefined ? [] : ['--input', options.input];
  const part = await startPart(program, ({ address = '', peerAddress = '' }) => {
    return ['node', ...flags, ...input, '--listen', address, '--peer-listen', peerAddress];
  });
  // Waited for from the beginning; whoever asks for it sees the failure.
  const fed =
    input.length === 0
      ? Promise.resolve()
      : part
          .feeder()
          .done('input')
          .then(() => undefined);
  fed.catch(() => undefined);
  input = [];

  async function command(cmd: string, lines: readonly string[] = []): Promise<void> {
    const feeder = part.feeder();
    const done = feeder.done(cmd);
    await Promise.all([feeder.write([...lines, JSON.stringify({ cmd })]), done]);
  }

  return {
    ...part,
    name,
    socketPath,
    peerAddress: part.feeder().ready.peerAddress ?? part.address,
    write: (lines) => command('sync', lines),
    fed: () => fed,
    close: () => command('close'),
    open: () => command('open'),
  };
}

function nodeFlags(options: HubbleOptions): string[] {
  const values = { ring: options.ring, rate: options.rate, speed: options.speed };
  return [
    ...Object.entries(values).flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}`, String(value)])),
    ...(options.rebaseTime === true ? ['--rebase-time'] : []),
    `--pad=${options.pad ?? true}`,
    ...tlsFlags(options),
  ];
}

function tlsFlags({ tls }: HubbleOptions): string[] {
  if (tls === undefined) {
    return [];
  }
  const clientCa = tls.clientCa === undefined ? [] : ['--tls-client-ca', tls.clientCa];
  return ['--tls-cert', tls.cert, '--tls-key', tls.key, ...clientCa];
}

function startRelay(program: string, nodes: readonly NodePart[], options: HubbleOptions): Promise<Part> {
  const peers = nodes.flatMap((node) => ['--peer', `${node.name}=${node.peerAddress}`]);
  return startPart(program, ({ address = '' }) => ['relay', '--listen', address, ...peers, ...tlsFlags(options)]);
}

function present(relay: Part | undefined): Part {
  if (relay === undefined) {
    throw new RigError('This Hubble was started without a relay.');
  }
  return relay;
}
