/**
 * How findings look: one JSON object a line for programs, a table with reasons for people.
 */
import { type Action, type Evidence, type Finding } from '../../detect/finding.ts';
import type { Flow } from '../../flows/flow.ts';
import { table } from '../table.ts';

/** One JSON object a line. Texts in it are escaped already. */
export function asNdjson(findings: readonly Finding[]): string {
  return findings.map((finding) => `${JSON.stringify(findingRecord(finding))}\n`).join('');
}

/** The object of one finding; documented in the command's help. */
export function findingRecord(finding: Finding) {
  return {
    detector: finding.detector,
    namespace: finding.pod.namespace,
    pod: finding.pod.name,
    sandbox: finding.pod.sandbox,
    key: finding.key,
    score: finding.score,
    podScore: finding.podScore,
    severity: finding.severity,
    action: finding.action,
    raisedAt: iso(finding.raisedAtMs),
    firstSeen: iso(finding.firstSeenMs),
    lastSeen: iso(finding.lastSeenMs),
    count: finding.count,
    target: finding.target,
    title: finding.title,
    explanation: finding.explanation,
    evidence: finding.evidence.map(evidenceRecord),
    flows: finding.flows.map(flowRecord),
    attack: finding.attack,
    atlas: finding.atlas,
    degraded: finding.degraded,
  };
}

/** @param color - whether actions are coloured; for terminals only. */
export function asTable(findings: readonly Finding[], color: boolean): string {
  if (findings.length === 0) {
    return 'No findings.\n';
  }
  const rows = findings.map((finding, index) => [
    String(index + 1),
    iso(finding.raisedAtMs),
    `${finding.pod.namespace}/${finding.pod.name}`,
    finding.detector,
    finding.action,
    String(finding.score),
    String(finding.podScore),
  ]);
  const lines = table(['#', 'RAISED', 'POD', 'DETECTOR', 'ACTION', 'SCORE', 'POD SCORE'], rows).trimEnd().split('\n');
  const painted = lines.map((line, row) => paint(line, findings[row - 1]?.action, color));
  const reasons = findings.map(({ explanation }, index) => `${index + 1}  ${explanation}`);
  return `${[...painted, '', ...reasons].join('\n')}\n`;
}

function evidenceRecord({ signal, class: kind, value, threshold, points, source, flowUuids }: Evidence) {
  return { signal, class: kind, value, threshold, points, source, flows: flowUuids };
}

function flowRecord(flow: Flow) {
  const name = flow.dns?.query ?? flow.destinationNames[0];
  return {
    uuid: flow.uuid,
    time: iso(flow.timeMs),
    verdict: flow.verdict,
    protocol: flow.protocol,
    source: endText(flow.sourceIp, flow.sourcePort),
    destination: endText(flow.destinationIp, flow.destinationPort),
    ...(name === undefined ? {} : { name }),
  };
}

function endText(ip: string, port: number): string {
  if (port === 0) {
    return ip;
  }
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function paint(line: string, action: Action | undefined, color: boolean): string {
  const code = action === undefined ? BOLD : COLORS[action];
  return color && code !== undefined ? `\u001b[${code}m${line}\u001b[0m` : line;
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

const BOLD = 1;
const COLORS: Partial<Record<Action, number>> = { alert: 33, restrict: 35, quarantine: 31 };
