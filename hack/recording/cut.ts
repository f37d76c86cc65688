/**
 * Cuts one recording out of a longer capture of the whole node: the flows of some pods, between two times.
 *
 * Lines are copied byte for byte, in the order Hubble gave them; a line is kept when either end is one of the pods. Notices
 * of lost events are kept whatever pods are named, because they say what the recording may lack. `--without` names pods of
 * other scenarios that ran at the same time: what they did to the named pods is left out.
 *
 *   node hack/recording/cut.ts CAPTURE.jsonl --pods rollout-4,rollout-5 --without rollout-10 \
 *     --from 2026-01-01T00:00:00Z --to 2026-01-01T00:10:00Z --out FILE.jsonl.gz
 */
import { createReadStream, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

export interface Cut {
  pods: ReadonlySet<string>;
  without: ReadonlySet<string>;
  /** Milliseconds since the epoch, both inclusive. */
  fromMs: number;
  toMs: number;
}

/** Whether a line of `hubble observe -o jsonpb` belongs to the cut. Throws on a line that is not JSON. */
export function isInCut(line: string, cut: Cut): boolean {
  const event = JSON.parse(line) as {
    time: string;
    flow?: { source?: { pod_name?: string }; destination?: { pod_name?: string } };
  };
  const timeMs = Date.parse(event.time);
  if (timeMs < cut.fromMs || timeMs > cut.toMs) return false;
  if (event.flow === undefined) return true;
  const ends = [event.flow.source?.pod_name ?? '', event.flow.destination?.pod_name ?? ''];
  return ends.some((pod) => cut.pods.has(pod)) && !ends.some((pod) => cut.without.has(pod));
}

function namesIn(list: string): ReadonlySet<string> {
  return new Set(list.split(',').filter((name) => name !== ''));
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      pods: { type: 'string' },
      without: { type: 'string', default: '' },
      from: { type: 'string' },
      to: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const [capture] = positionals;
  const { pods, from, to, out } = values;
  if (!capture || !pods || !from || !to || !out) throw new Error('needs CAPTURE --pods --from --to --out');
  const cut: Cut = {
    pods: namesIn(pods),
    without: namesIn(values.without),
    fromMs: Date.parse(from),
    toMs: Date.parse(to),
  };
  const kept: string[] = [];
  for await (const line of createInterface({ input: createReadStream(capture) })) {
    if (isInCut(line, cut)) kept.push(line);
  }
  const text = kept.map((line) => `${line}\n`).join('');
  writeFileSync(out, out.endsWith('.gz') ? gzipSync(text, { level: 9 }) : text);
  process.stdout.write(`${out}: ${kept.length} events\n`);
}

if (import.meta.main) await main();
