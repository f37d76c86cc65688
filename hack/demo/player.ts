/**
 * Plays a recording into a Hubble server: times shifted so that the last flow happens when the playing ends, and faster
 * than it was recorded. No flow is ever in the future, and gaps between flows keep their proportion.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

interface TimedLine {
  atMs: number;
  line: Record<string, unknown>;
}

export interface Recording {
  lines: readonly TimedLine[];
  /** Event time from the first flow to the last, in milliseconds. */
  lengthMs: number;
}

/** Reads a recording of Hubble's JSON lines, packed with gzip. */
export function readRecording(path: string): Recording {
  const lines = gunzipSync(readFileSync(path))
    .toString('utf8')
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text) as Record<string, unknown>)
    .filter((line) => 'flow' in line)
    .map((line) => ({ atMs: Date.parse(String(line['time'])), line }))
    .sort((a, b) => a.atMs - b.atMs);
  const first = lines[0]?.atMs ?? 0;
  return { lines, lengthMs: (lines.at(-1)?.atMs ?? first) - first };
}

/**
 * @param write - feeds lines, and resolves when they are in.
 * @param options.forMs - how long the playing takes, in wall time.
 */
export async function play(
  recording: Recording,
  write: (lines: readonly string[]) => Promise<void>,
  options: { forMs: number; signal: AbortSignal; onProgress: (played: number, eventMs: number) => void },
): Promise<void> {
  const startedMs = Date.now();
  const first = recording.lines[0]?.atMs ?? 0;
  const speed = Math.max(1, recording.lengthMs / options.forMs);
  const shiftMs = startedMs + recording.lengthMs / speed - (first + recording.lengthMs);
  let played = 0;
  while (played < recording.lines.length && !options.signal.aborted) {
    const untilMs = first + (Date.now() - startedMs) * speed;
    const end = upTo(recording.lines, untilMs, played);
    if (end > played) {
      await write(recording.lines.slice(played, end).map((timed) => shifted(timed, shiftMs)));
      played = end;
    }
    options.onProgress(played, Math.max(0, untilMs - first));
    await sleep(STEP_MS);
  }
}

function upTo(lines: readonly TimedLine[], untilMs: number, from: number): number {
  let end = from;
  while (end < lines.length && (lines[end]?.atMs ?? 0) <= untilMs) {
    end += 1;
  }
  return end;
}

function shifted({ atMs, line }: TimedLine, shiftMs: number): string {
  const time = new Date(atMs + shiftMs).toISOString();
  return JSON.stringify({ ...line, flow: { ...(line['flow'] as object), time }, time });
}

const STEP_MS = 50;
