/**
 * Port lists as sets: the same ports give the same spans, however they were written.
 */
import type { EgressRule } from '../api/v1alpha1/agent-sandbox.ts';

/** The ports from `from` to `to`, both included, of one protocol. */
export interface PortSpan {
  readonly protocol: 'SCTP' | 'TCP' | 'UDP';
  readonly from: number;
  readonly to: number;
}

/** A port that every destination pod numbers by itself. */
export interface NamedPort {
  readonly protocol: string;
  readonly name: string;
}

export const DNS_PORT = 53;

/** Sorted spans that neither overlap nor touch. */
export function spansOf(ports: EgressRule['ports']): PortSpan[] {
  const spans = ports.map(({ protocol, port, endPort }) => ({ protocol, from: port, to: endPort ?? port }));
  const merged: PortSpan[] = [];
  for (const span of spans.toSorted(compareSpans)) {
    const last = merged.at(-1);
    if (last !== undefined && last.protocol === span.protocol && span.from <= last.to + 1) {
      merged[merged.length - 1] = { ...last, to: Math.max(last.to, span.to) };
    } else {
      merged.push(span);
    }
  }
  return merged;
}

/** The spans without port 53 of TCP and UDP. */
export function withoutDns(spans: readonly PortSpan[]): PortSpan[] {
  return spans.flatMap((span) => {
    if (span.protocol === 'SCTP' || span.from > DNS_PORT || span.to < DNS_PORT) {
      return [span];
    }
    return [
      { ...span, to: DNS_PORT - 1 },
      { ...span, from: DNS_PORT + 1 },
    ].filter(({ from, to }) => from <= to);
  });
}

export function hasPort(spans: readonly PortSpan[], protocol: string, port: number): boolean {
  return spans.some((span) => span.protocol === protocol && span.from <= port && port <= span.to);
}

/** As NetworkPolicy writes it. */
export function networkPolicyPort(port: PortSpan | NamedPort): Record<string, unknown> {
  if ('name' in port) {
    return { port: port.name, protocol: port.protocol };
  }
  return { ...(port.to === port.from ? {} : { endPort: port.to }), port: port.from, protocol: port.protocol };
}

/** As CiliumNetworkPolicy writes it. */
export function ciliumPort({ protocol, from, to }: PortSpan): Record<string, unknown> {
  return { ...(to === from ? {} : { endPort: to }), port: String(from), protocol };
}

function compareSpans(a: PortSpan, b: PortSpan): number {
  if (a.protocol !== b.protocol) {
    return a.protocol < b.protocol ? -1 : 1;
  }
  return a.from - b.from || a.to - b.to;
}
