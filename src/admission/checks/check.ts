/**
 * What a check is: a function from a pod and the sandbox's admission rules to the violations it finds.
 *
 * A check knows nothing of exemptions, modes or other checks; `review-pod.ts` adds those.
 */
import type { AgentSandboxSpec } from '../../api/v1alpha1/agent-sandbox.ts';
import type { Container, PodSubject } from '../pod-subject.ts';
import type { Violation } from '../violation.ts';

export type AdmissionRules = AgentSandboxSpec['admission'];

export type Check = (pod: PodSubject, rules: AdmissionRules) => readonly Violation[];

/** Runs a rule on each container and notes whom each violation concerns. */
export function perContainer(pod: PodSubject, rule: (container: Container) => readonly Violation[]): Violation[] {
  return pod.containers.flatMap((container) =>
    rule(container).map((found) => ({ ...found, containers: [container.name] })),
  );
}

export function isRestricted(rules: AdmissionRules): boolean {
  return rules.podSecurity === 'Restricted';
}
