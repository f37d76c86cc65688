/**
 * Writes NetworkPolicies: the floor that denies everything to every pod of a sandbox, the allow list, the cut-off.
 *
 * Allows of several NetworkPolicies add up and none of them denies, so the allow list leaves quarantined pods out by their
 * id. The floor is a policy of its own, so that a pod is never without one: not while its id moves between two policies,
 * and not when the API server refuses an allow list.
 */
import type { LabelSelector } from '../api/v1alpha1/types.ts';
import { NETWORK_POLICY, type PolicyRole, policyHead } from './names.ts';
import type { Permit } from './permit.ts';
import type { PolicyInput, PolicyObject } from './plan.ts';
import { networkPolicyPort } from './ports.ts';

/** A NetworkPolicy that allows nothing in either direction to the pods it selects. */
export function denyAllPolicy(
  input: PolicyInput,
  role: PolicyRole,
  name: string,
  podSelector: LabelSelector,
): PolicyObject {
  return allowPolicy(input, { role, name, podSelector, ingress: [], egress: [] });
}

/** A NetworkPolicy that allows these permits and nothing else. */
export function allowPolicy(
  input: PolicyInput,
  policy: {
    role: PolicyRole;
    name: string;
    podSelector: LabelSelector;
    ingress: readonly Permit[];
    egress: readonly Permit[];
  },
): PolicyObject {
  const egress = policy.egress.map(({ peers, ports }) => ({ ports: ports.map(networkPolicyPort), to: peers }));
  const ingress = policy.ingress.map(({ peers, ports }) => ({ from: peers, ports: ports.map(networkPolicyPort) }));
  return {
    ...policyHead(NETWORK_POLICY, input, policy.role, policy.name),
    spec: {
      ...(egress.length === 0 ? {} : { egress }),
      ...(ingress.length === 0 ? {} : { ingress }),
      podSelector: policy.podSelector,
      policyTypes: ['Egress', 'Ingress'],
    },
  };
}
