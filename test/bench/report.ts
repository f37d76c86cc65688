/**
 * What every benchmark prints: the machine, the versions, medians and percentiles. Nothing here judges a figure.
 */
import { cpus, totalmem } from 'node:os';
import process from 'node:process';

/** Nearest-rank percentile; `share` from 0 to 1. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1));
  return sorted[rank] ?? Number.NaN;
}

/** `n, p50, p90, p99, max` in milliseconds. */
export function summary(values: readonly number[]): string {
  const at = (share: number) => percentile(values, share).toFixed(1);
  return `n=${values.length}  p50 ${at(0.5)}  p90 ${at(0.9)}  p99 ${at(0.99)}  max ${at(1)} ms`;
}

/** One line about the machine; absolute figures mean nothing without it. */
export function machine(): string {
  const [cpu] = cpus();
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  return `${cpus().length} x ${cpu?.model.trim() ?? 'unknown CPU'}, ${memory} GiB, ${process.platform} ${process.arch}, Node ${process.version}`;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
