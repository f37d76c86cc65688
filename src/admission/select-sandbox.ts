/**
 * Which AgentSandbox a new pod belongs to, and how strict it is at this moment.
 *
 * Exactly one may select a pod: two would write two sets of rules, of which a network policy engine takes the union.
 */
import type { SandboxMode } from '../api/v1alpha1/agent-sandbox.ts';
import { matchesSelector } from '../api/v1alpha1/selector.ts';
import type { AgentSandbox } from '../api/v1alpha1/types.ts';

export type Selection =
  | { kind: 'none' }
  | { kind: 'one'; sandbox: AgentSandbox }
  | { kind: 'several'; sandboxes: readonly AgentSandbox[] };

/**
 * By `podSelector` alone: an owner (`targetRef`) cannot be told from the labels of a pod.
 *
 * @param sandboxes - those of the pod's namespace.
 */
export function selectSandboxes(
  labels: Readonly<Record<string, string>>,
  sandboxes: readonly AgentSandbox[],
): Selection {
  const matching = sandboxes.filter(({ spec }) => matchesSelector(spec.selector.podSelector, labels));
  const [sandbox] = matching;
  if (sandbox === undefined) {
    return { kind: 'none' };
  }
  return matching.length === 1 ? { kind: 'one', sandbox } : { kind: 'several', sandboxes: matching };
}

/** The mode in force: as the spec says, or Lockdown when the circuit breaker has tripped. Observe never blocks. */
export function modeInForce({ spec, status }: AgentSandbox): SandboxMode {
  return spec.mode === 'Enforce' && status?.mode === 'Lockdown' ? 'Lockdown' : spec.mode;
}
