/**
 * Whether a pod request may pass: new pods, changed ones, and containers that are added to a running one.
 *
 * Judges the pod as it would be stored, after every webhook that changes pods has had its turn. A change of a running pod is
 * judged only where it could bring in something new: an image, a debugging container, one of our labels.
 */
import type { AdmissionDecision, AdmissionRequest } from '../api/admission-review.ts';
import { printable } from '../api/v1alpha1/display.ts';
import { POD_ID_LABEL, PROTECTED_POD_LABELS, QUARANTINE_LABEL, SANDBOX_LABEL } from '../api/v1alpha1/labels.ts';
import type { AgentSandbox } from '../api/v1alpha1/types.ts';
import { applyPatch } from './json-patch.ts';
import { hardenPod } from './mutate-pod.ts';
import { type Container, containersOf, labelsOf } from './pod-subject.ts';
import { ALLOWED, type Objection, refuse, sandboxName, violationsObjection, warn } from './refusal.ts';
import { reviewPod } from './review-pod.ts';
import { modeInForce, type Selection, selectSandboxes } from './select-sandbox.ts';
import type { Violation } from './violation.ts';

/** What the review needs to know besides the request. */
export interface PodReviewContext {
  /** Every AgentSandbox of the pod's namespace. */
  sandboxes: readonly AgentSandbox[];
  /** Who Bulkhead is to the API server. */
  operatorUsername: string;
  /** Whether another pod, or a quarantine, has this id already. */
  isPodIdTaken: (id: string) => boolean;
}

/** What is to be said of a new pod. */
export interface Judgement {
  /** Who governs it; several when they are in each other's way, none when it is nobody's. */
  sandboxes: readonly AgentSandbox[];
  objection: Objection | undefined;
  /** Whether the objection keeps the pod out: not when every sandbox concerned only observes. */
  refused: boolean;
}

export function validateNewPod(request: AdmissionRequest, context: PodReviewContext): AdmissionDecision {
  return decide(judgeNewPod(request.object, context));
}

/** @param pod - as mutated; see mutate-pod.ts. */
export function judgeNewPod(pod: unknown, context: PodReviewContext): Judgement {
  const labels = labelsOf(pod);
  const selection = selectSandboxes(labels, context.sandboxes);
  switch (selection.kind) {
    case 'none':
      return { ...judgement(context.sandboxes, foreignLabels(labels)), sandboxes: [] };
    case 'several':
      return judgement(selection.sandboxes, overlap(selection.sandboxes));
    case 'one': {
      const { sandbox } = selection;
      const objection =
        lockdown(sandbox) ?? wrongLabels(labels, sandbox, context) ?? objectionTo(violations(pod, sandbox), sandbox);
      return judgement([sandbox], objection);
    }
  }
}

export function validateChangedPod(request: AdmissionRequest, context: PodReviewContext): AdmissionDecision {
  const before = labelsOf(request.oldObject);
  const after = labelsOf(request.object);
  const touched = PROTECTED_POD_LABELS.filter((label) => before[label] !== after[label]);
  if (touched.length > 0 && request.userInfo.username !== context.operatorUsername) {
    return refuse(protectedLabels(touched));
  }
  return validateFreshContainers(request, context);
}

/**
 * Judges what was not there before: an added (ephemeral) container, or one whose image changed. The whole container is
 * judged, because an exemption may have held for the old image alone.
 */
export function validateFreshContainers(request: AdmissionRequest, context: PodReviewContext): AdmissionDecision {
  const governor = governorOf(request.oldObject, context.sandboxes);
  if (governor.kind === 'none') {
    return ALLOWED;
  }
  if (governor.kind === 'several') {
    return decide(judgement(governor.sandboxes, overlap(governor.sandboxes)));
  }
  const { sandbox } = governor;
  const fresh = freshContainers(request.oldObject, request.object);
  const found = violations(request.object, sandbox).filter(
    ({ field, containers, check }) =>
      check === 'Unjudgeable' ||
      fresh.some(({ path, name }) => containers.includes(name) || field.startsWith(`${path}.`)),
  );
  return decide(judgement([sandbox], objectionTo(found, sandbox)));
}

function freshContainers(before: unknown, after: unknown): readonly Container[] {
  const key = ({ kind, name, image }: Container) => JSON.stringify([kind, name, image]);
  const known = new Set(containersOf(before).map(key));
  return containersOf(after).filter((container) => !known.has(key(container)));
}

/** A running pod stays with the sandbox that stamped it, as long as that exists. */
function governorOf(pod: unknown, sandboxes: readonly AgentSandbox[]): Selection {
  const labels = labelsOf(pod);
  const stamped = sandboxes.find(({ metadata }) => metadata.name === labels[SANDBOX_LABEL]);
  return stamped === undefined ? selectSandboxes(labels, sandboxes) : { kind: 'one', sandbox: stamped };
}

function judgement(sandboxes: readonly AgentSandbox[], objection: Objection | undefined): Judgement {
  const onlyObserved = sandboxes.every(({ spec }) => spec.mode === 'Observe');
  return { sandboxes, objection, refused: objection !== undefined && !onlyObserved };
}

function decide({ objection, refused }: Judgement): AdmissionDecision {
  if (objection === undefined) {
    return ALLOWED;
  }
  return refused ? refuse(objection) : warn(objection);
}

function violations(pod: unknown, sandbox: AgentSandbox): Violation[] {
  // Under Observe the pod has not been hardened, but Enforce would have done so before judging it.
  return reviewPod(sandbox.spec.mode === 'Observe' ? applyPatch(pod, hardenPod(pod, sandbox)) : pod, sandbox);
}

function objectionTo(found: readonly Violation[], sandbox: AgentSandbox): Objection | undefined {
  return found.length === 0 ? undefined : violationsObjection(sandboxName(sandbox), found);
}

function lockdown(sandbox: AgentSandbox): Objection | undefined {
  if (modeInForce(sandbox) !== 'Lockdown') {
    return undefined;
  }
  const { name, namespace = 'default' } = sandbox.metadata;
  const because = sandbox.spec.mode === 'Lockdown' ? 'it is in mode Lockdown' : 'its circuit breaker has tripped';
  return {
    reasons: ['Lockdown'],
    by: sandboxName(sandbox),
    sentences: [
      `${because}, which admits no new pod. Lift it with: kubectl -n ${namespace} patch agentsandbox ${name} --type=merge -p '{"spec":{"mode":"Enforce"}}'`,
    ],
  };
}

function overlap(sandboxes: readonly AgentSandbox[]): Objection {
  const names = sandboxes.map(({ metadata }) => metadata.name).sort();
  return {
    reasons: ['SeveralSandboxes'],
    by: 'Bulkhead',
    sentences: [
      `AgentSandboxes ${names.join(' and ')} select this pod, and only one may. Change the pod's labels or one spec.selector.podSelector.`,
    ],
  };
}

/** The stamp that mutate-pod.ts sets. It is missing when that webhook could not be reached in time. */
function wrongLabels(
  labels: Readonly<Record<string, string>>,
  sandbox: AgentSandbox,
  { isPodIdTaken }: PodReviewContext,
): Objection | undefined {
  const id = labels[POD_ID_LABEL];
  const isStamped =
    labels[SANDBOX_LABEL] === sandbox.metadata.name &&
    labels[QUARANTINE_LABEL] === undefined &&
    id !== undefined &&
    id !== '' &&
    !isPodIdTaken(id);
  return isStamped
    ? undefined
    : {
        reasons: ['ProtectedLabels'],
        by: sandboxName(sandbox),
        sentences: [
          `the pod does not carry the labels that Bulkhead stamps (${PROTECTED_POD_LABELS.join(', ')}). Leave them out and try again.`,
        ],
      };
}

function foreignLabels(labels: Readonly<Record<string, string>>): Objection | undefined {
  const present = PROTECTED_POD_LABELS.filter((label) => labels[label] !== undefined);
  return present.length === 0
    ? undefined
    : {
        reasons: ['ProtectedLabels'],
        by: 'Bulkhead',
        sentences: [`no AgentSandbox selects this pod, so it may not carry ${present.join(', ')}. Leave them out.`],
      };
}

function protectedLabels(touched: readonly string[]): Objection {
  return {
    reasons: ['ProtectedLabels'],
    by: 'Bulkhead',
    sentences: [
      `${touched.map((label) => printable(label)).join(', ')} may be set, changed and removed by Bulkhead alone. Leave them as they are; to let a quarantined pod go, use \`bulkhead release\`.`,
    ],
  };
}
