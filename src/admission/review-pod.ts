/**
 * Which rules of its sandbox a pod breaks.
 *
 * One table ties every check of the API to the function that makes it; a check that meets something it cannot read is a
 * broken rule, not a passed one. Whether a violation refuses the pod or is only told is `review-admission.ts`.
 */
import type { AdmissionCheck } from '../api/v1alpha1/agent-sandbox.ts';
import type { AgentSandbox } from '../api/v1alpha1/types.ts';
import type { AdmissionRules, Check } from './checks/check.ts';
import { secrets, serviceAccountToken } from './checks/credentials.ts';
import { hostNamespaces, hostPorts, hostProbes, privileged } from './checks/host.ts';
import { images } from './checks/images.ts';
import { capabilities, privilegeEscalation, procMount, runAsNonRoot } from './checks/privileges.ts';
import { appArmor, seccomp, seLinux, sysctls } from './checks/profiles.ts';
import { limits, runtimeClass } from './checks/resources.ts';
import { hostPath, volumeTypes } from './checks/volumes.ts';
import { matchesImage, parseImage } from './image.ts';
import { at, Unjudgeable } from './place.ts';
import { type Container, type PodSubject, podSubject } from './pod-subject.ts';
import { type Violation, type ViolationCheck, violation } from './violation.ts';

/**
 * Never throws: what is no pod at all is one violation, `Unjudgeable`.
 *
 * @param pod - as mutated; see mutate-pod.ts.
 * @returns in the order of the checks; empty when the pod may be admitted.
 */
export function reviewPod(pod: unknown, sandbox: AgentSandbox): Violation[] {
  const rules = sandbox.spec.admission;
  return judging('Unjudgeable', () => {
    const subject = podSubject(pod);
    const checks = Object.entries(CHECKS) as [AdmissionCheck, Check][];
    return [
      ...windows(subject),
      ...checks.flatMap(([name, check]) => judging(name, () => check(subject, rules))),
    ].filter((found) => !isExempt(found, subject, rules));
  });
}

function judging(check: ViolationCheck, judge: () => readonly Violation[]): Violation[] {
  try {
    return [...judge()];
  } catch (error) {
    if (error instanceof Unjudgeable) {
      return [violation(check, error.place, `${error.message}. Correct it.`)];
    }
    throw error;
  }
}

/** Half of the rules say nothing about Windows, and no engine here enforces network policy for it. */
function windows(pod: PodSubject): Violation[] {
  const os = at(pod.spec, 'os', 'name');
  return os.value === 'windows'
    ? [violation('Unjudgeable', os, 'a Windows pod cannot be contained. Run it outside the sandbox.')]
    : [];
}

/** Exempt when it concerns containers, and every one of them is exempt from the check. */
function isExempt({ check, containers }: Violation, pod: PodSubject, rules: AdmissionRules): boolean {
  return (
    containers.length > 0 &&
    pod.containers
      .filter(({ name }) => containers.includes(name))
      .every((container) => hasExemption(container, check, rules))
  );
}

function hasExemption({ name, image }: Container, check: ViolationCheck, rules: AdmissionRules): boolean {
  const reference = image === undefined ? undefined : parseImage(image);
  return rules.exemptions.some(
    (exemption) =>
      exemption.container === name &&
      exemption.checks.some((exempted) => exempted === check) &&
      reference !== undefined &&
      matchesImage(exemption.image, reference),
  );
}

const CHECKS = {
  HostNamespaces: hostNamespaces,
  Privileged: privileged,
  Capabilities: capabilities,
  HostPath: hostPath,
  HostPorts: hostPorts,
  HostProbes: hostProbes,
  PrivilegeEscalation: privilegeEscalation,
  RunAsNonRoot: runAsNonRoot,
  Seccomp: seccomp,
  AppArmor: appArmor,
  SELinux: seLinux,
  ProcMount: procMount,
  Sysctls: sysctls,
  VolumeTypes: volumeTypes,
  RuntimeClass: runtimeClass,
  Images: images,
  ServiceAccountToken: serviceAccountToken,
  Secrets: secrets,
  Limits: limits,
} satisfies Record<AdmissionCheck, Check>;
