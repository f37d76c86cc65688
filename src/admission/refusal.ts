/**
 * The words of a refusal, and what mode Observe makes of it.
 *
 * Every refusal says which sandbox refuses, what is wrong and how to pass. In mode Observe the same words become warnings
 * and audit annotations, so that a dry run tells exactly what Enforce would do.
 */
import type { AdmissionDecision } from '../api/admission-review.ts';
import { printable } from '../api/v1alpha1/display.ts';
import { describeViolation, type Violation } from './violation.ts';

export const ALLOWED: AdmissionDecision = { allowed: true };

/** What stands in the way, in one sentence or more each. */
export interface Objection {
  /** Stable words for the audit log, such as `Privileged`, `Lockdown`, `ProtectedLabels`. */
  reasons: readonly string[];
  /** Who objects: `AgentSandbox team-a/trainers`. */
  by: string;
  sentences: readonly string[];
  /** The broken rules behind it, where there are any. */
  violations?: readonly Violation[];
}

export function refuse({ reasons, by, sentences }: Objection): AdmissionDecision {
  return {
    allowed: false,
    message: `refused by ${by}: ${shortened(sentences, MAX_SENTENCES).join(' ')}`,
    auditAnnotations: { refused: reasons.join(',') },
  };
}

/** What mode Observe does in place of a refusal. */
export function warn({ reasons, by, sentences }: Objection): AdmissionDecision {
  return {
    allowed: true,
    warnings: shortened(
      sentences.map((sentence) => printable(`${by} (mode Observe) would refuse: ${sentence}`, MAX_WARNING)),
      MAX_WARNINGS,
    ),
    auditAnnotations: { 'would-refuse': reasons.join(',') },
  };
}

export function violationsObjection(by: string, violations: readonly Violation[]): Objection {
  return {
    reasons: [...new Set(violations.map(({ check }) => check))],
    by,
    sentences: violations.map(describeViolation),
    violations,
  };
}

/** @example sandboxName({ metadata: { namespace: 'team-a', name: 'trainers' } }) // 'AgentSandbox team-a/trainers' */
export function sandboxName({ metadata }: { metadata: { namespace?: string; name: string } }): string {
  return `AgentSandbox ${[metadata.namespace, metadata.name].filter(Boolean).join('/')}`;
}

function shortened(sentences: readonly string[], max: number): string[] {
  return sentences.length <= max
    ? [...sentences]
    : [...sentences.slice(0, max), `And ${sentences.length - max} more; \`bulkhead check\` shows them all.`];
}

const MAX_SENTENCES = 20;

/** The API server shortens a warning above 256 characters, and drops what goes beyond 4096 in all. */
const MAX_WARNING = 256;
const MAX_WARNINGS = 14;
