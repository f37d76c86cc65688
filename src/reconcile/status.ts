/**
 * Sums a pass up into the status of the sandbox: what is true, not what was sent.
 */
import { createHash } from 'node:crypto';
import { TerminalError } from '../api/errors.ts';
import type { AgentSandboxStatus } from '../api/v1alpha1/agent-sandbox.ts';
import { setCondition } from '../api/v1alpha1/conditions.ts';
import { POD_ID_LABEL, SANDBOX_LABEL } from '../api/v1alpha1/labels.ts';
import { notYetEnforcedFields } from '../api/v1alpha1/not-yet-enforced.ts';
import type { Condition } from '../api/v1alpha1/types.ts';
import { isClosed } from '../respond/hold.ts';
import type { Pass } from './pass.ts';

type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

/**
 * The status after a pass.
 *
 * @param failure - what ended the pass early, if anything did.
 */
export function sandboxStatus(pass: Pass, failure: Error | undefined): AgentSandboxStatus {
  const sandbox = pass.sandbox;
  if (sandbox === undefined) {
    return {};
  }
  const generation = sandbox.metadata.generation;
  const ready = readiness(pass, failure);
  let conditions: Condition[] = (sandbox.status?.conditions ?? []).filter(
    (condition) => condition.type !== 'Stalled' && condition.type !== 'Reconciling',
  );
  const set = (type: string, verdict: Verdict): void => {
    const observedGeneration = generation === undefined ? {} : { observedGeneration: generation };
    conditions = setCondition(conditions, { type, ...verdict, ...observedGeneration }, pass.now);
  };
  set('Ready', ready);
  set('PolicyEnforced', enforcement(pass, failure));
  set('DetectionCovered', coverage(pass));
  if (failure instanceof TerminalError) {
    set('Stalled', { status: 'True', reason: failure.code, message: failure.message });
  } else if (failure !== undefined) {
    set('Reconciling', { status: 'True', reason: 'ProgressingWithRetry', message: failure.message });
  }
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    mode: sandbox.spec.mode,
    pods: countPods(pass),
    policies: pass.applied.slice(0, MAX_LISTED).map((object) => ({
      apiVersion: object.apiVersion,
      kind: object.kind,
      name: object.metadata.name,
      hash: createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 16),
    })),
    notYetEnforced: notYetEnforcedFields(sandbox.spec).slice(0, MAX_LISTED),
    incidents: {
      open: pass.incidents.filter((draft) => !isClosed({ ...draft.incident, status: draft.status })).length,
      total: pass.incidents.length,
    },
    conditions,
  };
}

/** Deep equality of two statuses, so that nothing is written when nothing changed. */
export function sameStatus(a: object | undefined, b: object): boolean {
  return canonical(a ?? {}) === canonical(b);
}

function readiness(pass: Pass, failure: Error | undefined): Verdict {
  if (failure instanceof TerminalError) {
    return { status: 'False', reason: failure.code, message: failure.message };
  }
  if (failure !== undefined) {
    return { status: 'False', reason: 'ProgressingWithRetry', message: failure.message };
  }
  if (pass.sandbox?.spec.selector.targetRef !== undefined) {
    return {
      status: 'False',
      reason: 'NotYetEnforced',
      message: 'spec.selector.targetRef is accepted but selects no pod yet; use podSelector',
    };
  }
  return { status: 'True', reason: 'Reconciled', message: `${pass.applied.length} policies are as compiled` };
}

function enforcement(pass: Pass, failure: Error | undefined): Verdict {
  const no = (reason: string, message: string): Verdict => ({ status: 'False', reason, message });
  if (failure !== undefined) {
    return no(failure instanceof TerminalError ? failure.code : 'ProgressingWithRetry', failure.message);
  }
  if (pass.sandbox?.spec.mode === 'Observe') {
    return no('ModeObserve', 'mode Observe: nothing is blocked');
  }
  const { matched, enforced, unenforceable } = countPods(pass);
  if (unenforceable > 0) {
    return no('HostNetwork', `${unenforceable} pods are on the host network, where no policy holds`);
  }
  if (enforced === 0) {
    return no('NoPodsSelected', 'no running pod carries the labels that the policies select');
  }
  if (enforced < matched) {
    return no(
      'PodsNotSelected',
      `${matched - enforced} of ${matched} pods do not carry the labels that the policies select`,
    );
  }
  const [worst] = pass.problems;
  if (worst !== undefined) {
    return no(worst.reason, pass.problems.map((problem) => problem.message).join('; '));
  }
  return {
    status: 'True',
    reason: 'PoliciesInPlace',
    message: `${pass.applied.length} policies are in the API server and select ${enforced} pods; packets are not tested`,
  };
}

function coverage(pass: Pass): Verdict {
  const sources = pass.ports.coverage();
  if (sources.length === 0) {
    return { status: 'False', reason: 'NoFlowSource', message: 'no flow source is configured' };
  }
  const cut = sources.find((source) => !source.health.connected);
  if (cut !== undefined) {
    return {
      status: 'False',
      reason: 'SourceDisconnected',
      message: `${cut.name}: ${cut.health.error ?? 'not connected'}`,
    };
  }
  const lossy = sources.find((source) => source.health.lost > 0);
  if (lossy !== undefined) {
    return {
      status: 'False',
      reason: 'FlowsLost',
      message: `${lossy.name}: flows were lost before they reached Bulkhead`,
    };
  }
  const seen = sources.some((source) => source.health.lastFlowTimeMs !== undefined);
  return seen
    ? { status: 'True', reason: 'FlowsSeen', message: 'every source is connected and flows arrive' }
    : { status: 'Unknown', reason: 'NoFlowsYet', message: 'connected, but no flow has arrived yet' };
}

function countPods(pass: Pass): NonNullable<AgentSandboxStatus['pods']> {
  const live = pass.pods.filter((pod) => pod.phase !== 'Succeeded' && pod.phase !== 'Failed');
  const held = new Set(pass.incidents.filter((draft) => draft.holds).map((draft) => draft.pod?.uid));
  const enforceable = live.filter((pod) => !pod.hostNetwork);
  const observing = pass.sandbox?.spec.mode === 'Observe';
  return {
    matched: live.length,
    enforced: observing
      ? 0
      : enforceable.filter((pod) => pod.labels[SANDBOX_LABEL] === pass.name && pod.labels[POD_ID_LABEL] !== undefined)
          .length,
    quarantined: enforceable.filter((pod) => held.has(pod.uid)).length,
    unenforceable: live.length - enforceable.length,
  };
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** As the CRD bounds both lists. */
const MAX_LISTED = 64;
