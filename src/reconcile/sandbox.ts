/**
 * Makes one AgentSandbox true: the list of steps, in order, and the one write of statuses at the end.
 *
 * Level-based: a pass reads everything and makes it so, whatever the event was. It can be cut at any point and run again;
 * denies come before allows and the record before the deed, so what a crash leaves behind is stricter, never looser.
 * A sandbox that is gone still has a pass: its quarantines outlive it.
 */

import { errorKind } from '../api/errors.ts';
import type { AgentIncident } from '../api/v1alpha1/types.ts';
import { holdsPod } from '../respond/hold.ts';
import { claimPods } from './claim.ts';
import { attempt, type Pass, reference, type Step } from './pass.ts';
import type { PodView, Ports } from './ports.ts';
import { sameStatus, sandboxStatus } from './status.ts';
import { announceReleases } from './steps/announce-releases.ts';
import { applyPolicies, removeOrphans } from './steps/apply-policies.ts';
import { compilePolicies } from './steps/compile-policies.ts';
import { endPods } from './steps/end-pods.ts';
import { identifyIncidents, podOf } from './steps/identify-incidents.ts';
import { markPods } from './steps/mark-pods.ts';
import { settleReleases } from './steps/settle-releases.ts';
import { stampPods } from './steps/stamp-pods.ts';
import { verifyContainment } from './steps/verify-containment.ts';

/** In this order. A name is what logs and metrics call the step. */
export const STEPS: readonly (readonly [string, Step])[] = [
  ['stamp-pods', stampPods],
  ['identify-incidents', identifyIncidents],
  ['settle-releases', settleReleases],
  ['compile-policies', compilePolicies],
  ['apply-policies', applyPolicies],
  ['remove-orphans', removeOrphans],
  ['mark-pods', markPods],
  ['verify-containment', verifyContainment],
  ['end-pods', endPods],
  ['announce-releases', announceReleases],
];

export interface PassResult {
  /** Look again after so many milliseconds. */
  requeueAfterMs: number | undefined;
}

/**
 * One pass over one sandbox.
 *
 * @throws what a step threw, after the statuses are written: TransientError to be tried again, TerminalError when only a
 * change by a person helps.
 */
export async function reconcileSandbox(
  key: { namespace: string; name: string },
  ports: Ports,
  onStep: (name: string) => void = () => {},
): Promise<PassResult> {
  const pass = readWorld(key, ports);
  const end = await runSteps(pass, onStep);
  await writeStatuses(pass, end ?? worstOf(pass.failures));
  const failure = end ?? worstOf(pass.failures);
  if (failure !== undefined) {
    throw failure;
  }
  return { requeueAfterMs: pass.requeueAfterMs };
}

function readWorld(key: { namespace: string; name: string }, ports: Ports): Pass {
  const { world, clock } = ports;
  const sandbox = world.sandbox(key.namespace, key.name);
  const allPods = world.pods(key.namespace);
  const claim = sandbox === undefined ? undefined : claimPods(sandbox, world.sandboxes(key.namespace), allPods);
  const pass: Pass = {
    ...key,
    ports,
    now: clock.now(),
    sandbox,
    allPods,
    pods: claim?.pods ?? [],
    incidents: [],
    plan: { objects: [], gaps: [] },
    applied: [],
    problems: [],
    failures: [],
    heldElsewhere: heldElsewhere(world.incidents(key.namespace), key.name, allPods),
    requeueAfterMs: undefined,
  };
  pass.incidents = world
    .incidents(key.namespace)
    .filter((incident) => incident.spec.sandbox === key.name)
    .map((incident) => ({
      incident,
      status: incident.status ?? {},
      holds: holdsPod(incident),
      pod: podOf(incident, allPods),
    }));
  if (claim !== undefined && claim.overlaps.length > 0) {
    pass.problems.push({
      reason: 'SelectorOverlap',
      message: `also selected by ${claim.overlaps.join(', ')}; a pod stays with the sandbox that stamped it, new pods that both select are refused`,
    });
  }
  return pass;
}

/** Pods that incidents of other sandboxes hold. */
function heldElsewhere(
  incidents: readonly AgentIncident[],
  sandbox: string,
  pods: readonly PodView[],
): ReadonlyMap<string, string> {
  const held = new Map<string, string>();
  for (const incident of incidents) {
    const pod = incident.spec.sandbox !== sandbox && holdsPod(incident) ? podOf(incident, pods) : undefined;
    if (pod !== undefined) {
      held.set(pod.uid, incident.metadata.name);
    }
  }
  return held;
}

/** Runs the steps. What ends a pass is a bug; what single objects met with is collected and told at the end. */
async function runSteps(pass: Pass, onStep: (name: string) => void): Promise<Error | undefined> {
  for (const [name, step] of STEPS) {
    try {
      onStep(name);
      await step(pass);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }
  return undefined;
}

/** Of several failures the one that is worth another try: a TerminalError alone would end the trying. */
function worstOf(failures: readonly Error[]): Error | undefined {
  return failures.find((failure) => errorKind(failure).kind !== 'terminal') ?? failures[0];
}

async function writeStatuses(pass: Pass, failure: Error | undefined): Promise<void> {
  for (const draft of pass.incidents) {
    const observedGeneration = draft.incident.metadata.generation;
    const status = { ...draft.status, ...(observedGeneration === undefined ? {} : { observedGeneration }) };
    if (!sameStatus(draft.incident.status, status)) {
      await attempt(pass, () => pass.ports.incidents.writeStatus(draft.incident, status));
    }
  }
  if (pass.sandbox === undefined) {
    return;
  }
  const status = sandboxStatus(pass, failure);
  if (failure !== undefined) {
    pass.ports.reporter.report(reference(pass.sandbox), {
      type: 'Warning',
      reason: 'ReconcileFailed',
      message: failure.message,
    });
  }
  if (!sameStatus(pass.sandbox.status, status)) {
    await pass.ports.sandboxes.writeStatus(pass.sandbox, status);
  }
}
