/**
 * Makes a recording longer in event time, by repeating a measured window of it, where an hour is needed to see something.
 *
 * Only what was measured is repeated: connections held through the whole window go on with the same ports, connections that
 * began and ended in it come again from another port, and those the window cuts in two are left out, since their other half
 * would have to be made up. Same input, same bytes out: ports and uuids come from hashes. A repeated flow has a uuid of
 * version 8, Hubble's own have version 4. A report beside the output says which part is measured and which is not.
 *
 *   node hack/recording/stretch.ts IN.jsonl.gz --from 2026-01-01T00:02:00Z --to 2026-01-01T00:12:00Z --times 5 \
 *     [--peers 203.0.113.10,203.0.113.66] --out OUT.jsonl.gz
 *
 * Choose a window that holds whole cycles of the cadence, or the seams show as one longer gap each.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type Conversation, conversationKey, conversationsIn, type RecordedEvent, withPort } from './conversation.ts';

export interface Stretch {
  /** The measured window, milliseconds since the epoch, `toMs` exclusive. Whatever comes after it is left out. */
  fromMs: number;
  toMs: number;
  /** How often the window is repeated after the measured part. */
  times: number;
  /** Only flows from or to these addresses are repeated; all of them when undefined. */
  peers: ReadonlySet<string> | undefined;
}

export interface StretchReport {
  /** Everything before this is as Hubble gave it. */
  measuredUntil: string;
  stretchedUntil: string;
  windowSeconds: number;
  times: number;
  peers: readonly string[] | 'all';
  measuredEvents: number;
  stretchedEvents: number;
  /** Conversations of the window that were repeated, by how, and those left out because the window cuts them. */
  conversations: { held: number; repeated: number; leftOut: number };
}

/** Repeats the window. Throws when it is empty or a line is not JSON. */
export function stretchRecording(
  lines: readonly string[],
  stretch: Stretch,
): { lines: string[]; report: StretchReport } {
  const events = lines.map((line) => ({ line, event: JSON.parse(line) as RecordedEvent }));
  const measured = events.filter(({ event }) => Date.parse(event.time) < stretch.toMs);
  const window = measured
    .map(({ event }) => event)
    .filter((event) => Date.parse(event.time) >= stretch.fromMs && isWanted(event, stretch.peers));
  if (window.length === 0) throw new Error('no flow in the window: check --from, --to and --peers');
  const conversations = conversationsIn(
    measured.map(({ event }) => event),
    stretch.fromMs,
  );
  const used = new Set(conversations.keys());
  const out = measured.map(({ line }) => line);
  for (let round = 1; round <= stretch.times; round++) {
    const ports = new Map<string, number>();
    for (const event of window) {
      const repeated = repeat(event, { round, stretch, conversations, ports, used });
      if (repeated !== undefined) out.push(JSON.stringify(repeated));
    }
  }
  const report = {
    ...describe(stretch, window, conversations),
    measuredEvents: measured.length,
    stretchedEvents: out.length - measured.length,
  };
  return { lines: out, report };
}

interface Round {
  round: number;
  stretch: Stretch;
  conversations: ReadonlyMap<string, Conversation>;
  /** New port of each conversation in this round. */
  ports: Map<string, number>;
  /** Every conversation key of the output so far. */
  used: Set<string>;
}

function repeat(event: RecordedEvent, round: Round): RecordedEvent | undefined {
  const { stretch } = round;
  const copy = structuredClone(event);
  const shiftMs = round.round * (stretch.toMs - stretch.fromMs);
  copy.time = shiftTime(event.time, shiftMs);
  if (copy.flow === undefined || event.flow === undefined) return copy;
  copy.flow.time = shiftTime(event.flow.time, shiftMs);
  copy.flow.uuid = deriveUuid(event.flow.uuid, round.round);
  const key = conversationKey(event.flow);
  const conversation = key === undefined ? undefined : round.conversations.get(key);
  if (key === undefined || conversation === undefined) return copy;
  if (conversation.shape === 'cut') return undefined;
  if (conversation.shape === 'whole') withPort(copy.flow, conversation, newPort(key, conversation, round));
  return copy;
}

function newPort(key: string, conversation: Conversation, round: Round): number {
  const known = round.ports.get(key);
  if (known !== undefined) return known;
  let offset = createHash('sha256').update(`${key}#${round.round}`).digest().readUInt32BE(0);
  let port: number;
  let candidate: string;
  do {
    port = EPHEMERAL_FIRST + (offset++ % EPHEMERAL_COUNT);
    candidate = conversation.keyWithPort(port);
  } while (round.used.has(candidate));
  round.used.add(candidate);
  round.ports.set(key, port);
  return port;
}

/** RFC 9562 version 8: the hash of the measured uuid and the round. */
function deriveUuid(uuid: string, round: number): string {
  const hash = createHash('sha256').update(`${uuid}#${round}`).digest('hex');
  const variant = ((Number.parseInt(hash[16] ?? '0', 16) & 0x3) | 0x8).toString(16);
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    variant + hash.slice(17, 20),
    hash.slice(20, 32),
  ].join('-');
}

/** Adds whole milliseconds to an RFC 3339 time in UTC and keeps its nanoseconds. */
function shiftTime(time: string, byMs: number): string {
  const [, second = '', fraction = ''] = /^(.{19})(?:\.(\d+))?Z$/.exec(time) ?? [];
  const nanoseconds = Number(fraction.padEnd(9, '0')) + (byMs % 1000) * 1_000_000;
  const carried = Math.floor(nanoseconds / 1_000_000_000);
  const shiftedMs = Date.parse(`${second}Z`) + Math.floor(byMs / 1000) * 1000 + carried * 1000;
  return `${new Date(shiftedMs).toISOString().slice(0, 19)}.${String(nanoseconds - carried * 1_000_000_000).padStart(9, '0')}Z`;
}

function isWanted(event: RecordedEvent, peers: ReadonlySet<string> | undefined): boolean {
  if (peers === undefined) return true;
  const ip = event.flow?.IP;
  return ip !== undefined && (peers.has(ip.source) || peers.has(ip.destination));
}

function describe(
  stretch: Stretch,
  window: readonly RecordedEvent[],
  conversations: ReadonlyMap<string, Conversation>,
): Omit<StretchReport, 'measuredEvents' | 'stretchedEvents'> {
  const keys = new Set(window.map((event) => event.flow && conversationKey(event.flow)));
  const shapes = [...keys].map((key) => (key === undefined ? undefined : conversations.get(key)?.shape));
  const count = (shape: Conversation['shape']) => shapes.filter((each) => each === shape).length;
  const windowMs = stretch.toMs - stretch.fromMs;
  return {
    measuredUntil: new Date(stretch.toMs).toISOString(),
    stretchedUntil: new Date(stretch.toMs + stretch.times * windowMs).toISOString(),
    windowSeconds: windowMs / 1000,
    times: stretch.times,
    peers: stretch.peers === undefined ? 'all' : [...stretch.peers],
    conversations: { held: count('held'), repeated: count('whole'), leftOut: count('cut') },
  };
}

/** Linux net.ipv4.ip_local_port_range: 32768 to 60999. */
const EPHEMERAL_FIRST = 32_768;
const EPHEMERAL_COUNT = 60_999 - EPHEMERAL_FIRST + 1;

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      from: { type: 'string' },
      to: { type: 'string' },
      times: { type: 'string' },
      peers: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const [input] = positionals;
  const { from, to, times, peers, out } = values;
  if (!input || !from || !to || !times || !out) throw new Error('needs IN --from --to --times --out');
  const raw = readFileSync(input);
  const text = (input.endsWith('.gz') ? gunzipSync(raw) : raw).toString('utf8');
  const result = stretchRecording(
    text.split('\n').filter((line) => line !== ''),
    {
      fromMs: Date.parse(from),
      toMs: Date.parse(to),
      times: Number(times),
      peers: peers === undefined ? undefined : new Set(peers.split(',')),
    },
  );
  writeFileSync(out, gzipSync(result.lines.map((line) => `${line}\n`).join(''), { level: 9 }));
  const report = { source: basename(input), ...result.report };
  writeFileSync(out.replace(/\.jsonl\.gz$/, '.stretch.json'), `${JSON.stringify(report, null, 2)}\n`);
  process.stdout.write(`${out}: ${result.lines.length} events\n`);
}

if (import.meta.main) main();
