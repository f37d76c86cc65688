/**
 * One rule that a pod breaks: which, where, and how to pass.
 *
 * Values and paths may hold text that the pod's author chose; they are escaped here, once.
 */
import type { AdmissionCheck } from '../api/v1alpha1/agent-sandbox.ts';
import { printable } from '../api/v1alpha1/display.ts';
import { isAbsent, type Place } from './place.ts';

/** An admission check, or `Unjudgeable` for a pod that cannot be read; from that nothing exempts. */
export type ViolationCheck = AdmissionCheck | 'Unjudgeable';

export interface Violation {
  check: ViolationCheck;
  /** Where it is, such as `spec.containers[0].securityContext.privileged`. Escaped. */
  field: string;
  /** What stands there, as JSON; `unset` when nothing does. Escaped and shortened. */
  value: string;
  /** The rule, and what to do to pass. */
  message: string;
  /** Names of the containers it concerns. Empty: the pod as a whole, from which no exemption of a container exempts. */
  containers: readonly string[];
}

export function violation(check: ViolationCheck, place: Place, message: string): Violation {
  return {
    check,
    field: printable(place.path, MAX_FIELD),
    value: isAbsent(place) ? 'unset' : printable(JSON.stringify(place.value)),
    message,
    containers: [],
  };
}

/** One line for people. */
export function describeViolation({ check, field, value, message }: Violation): string {
  return `[${check}] ${field} is ${value}: ${message}`;
}

const MAX_FIELD = 253;
