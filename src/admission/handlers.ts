/**
 * The webhook's answers, by path: who judges which request.
 *
 * Pure with what it is given, so that the whole of admission runs in a test without a server. `kube/webhook-config.ts`
 * says which requests the API server sends here; what it did not announce is refused, since no rule was written for it.
 */
import type { AdmissionDecision, AdmissionHandler, AdmissionRequest } from '../api/admission-review.ts';
import { GROUP } from '../api/v1alpha1/labels.ts';
import type { AgentSandbox } from '../api/v1alpha1/types.ts';
import { mutatePod, removeLabels } from './mutate-pod.ts';
import { labelsOf } from './pod-subject.ts';
import { ALLOWED, refuse } from './refusal.ts';
import { selectSandboxes } from './select-sandbox.ts';
import { stampApproval } from './stamp-approval.ts';
import { type PodReviewContext, validateChangedPod, validateFreshContainers, validateNewPod } from './validate-pod.ts';

/** What admission needs to know of the cluster. */
export interface AdmissionDependencies {
  /** From a cache that is complete; throw while it is not, so that failurePolicy decides. */
  sandboxesIn(namespace: string): readonly AgentSandbox[];
  /** Whether a pod or a quarantine has this id already. Left out: not asked. */
  isPodIdTaken?(id: string): boolean;
  /** A fresh pod id: 16 lower-case hex digits. */
  newPodId(): string;
  /** Bulkhead's own name, such as system:serviceaccount:bulkhead-system:bulkhead. */
  operatorUsername: string;
  now(): Date;
}

export const MUTATE_PATH = '/mutate';
export const VALIDATE_PATH = '/validate';

/** The two handlers, by the path the webhook server serves them on. */
export function createAdmissionHandlers(dependencies: AdmissionDependencies): Record<string, AdmissionHandler> {
  return {
    [MUTATE_PATH]: (request) => mutate(request, dependencies),
    [VALIDATE_PATH]: (request) => validate(request, dependencies),
  };
}

function mutate(request: AdmissionRequest, dependencies: AdmissionDependencies): AdmissionDecision {
  switch (routeOf(request)) {
    case 'pods CREATE':
      return { allowed: true, patch: mutateNewPod(request, dependencies) };
    case 'agentincidents/status UPDATE':
      return {
        allowed: true,
        patch:
          request.userInfo.username === dependencies.operatorUsername ? [] : stampApproval(request, dependencies.now()),
      };
    default:
      return ALLOWED;
  }
}

function mutateNewPod(request: AdmissionRequest, dependencies: AdmissionDependencies) {
  const selection = selectSandboxes(labelsOf(request.object), dependencies.sandboxesIn(request.namespace ?? ''));
  return selection.kind === 'one'
    ? mutatePod(request.object, selection.sandbox, dependencies.newPodId()).patch
    : removeLabels(request.object);
}

function validate(request: AdmissionRequest, dependencies: AdmissionDependencies): AdmissionDecision {
  const context: PodReviewContext = {
    sandboxes: dependencies.sandboxesIn(request.namespace ?? ''),
    operatorUsername: dependencies.operatorUsername,
    isPodIdTaken: (id) => dependencies.isPodIdTaken?.(id) ?? false,
  };
  switch (routeOf(request)) {
    case 'pods CREATE':
      return validateNewPod(request, context);
    case 'pods UPDATE':
      return validateChangedPod(request, context);
    case 'pods/ephemeralcontainers UPDATE':
      return validateFreshContainers(request, context);
    default:
      return refuse({
        reasons: ['UnknownRequest'],
        by: 'Bulkhead',
        sentences: ['the webhook has no rule for this kind of request. Take it out of the webhook configuration.'],
      });
  }
}

function routeOf({ resource, subResource = '', operation }: AdmissionRequest): string {
  const known = (resource.group === '' && resource.resource === 'pods') || resource.group === GROUP;
  return known ? `${resource.resource}${subResource === '' ? '' : `/${subResource}`} ${operation}` : '';
}
