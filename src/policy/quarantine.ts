/**
 * The policies that cut off single pods, by their own id.
 *
 * One policy is shared by many pods of a sandbox. It is split before it grows large: 200 ids of at most 63 characters are
 * under 14 KB of selector, which every agent of the network engine holds and evaluates for every pod it learns of, and far
 * from the API server's limit of 1.5 MiB for an object. Which policy holds an id may change as ids come and go; the
 * floor of the sandbox covers the pod in between.
 */
import { chunked, cutOffSpec } from './cilium-policy.ts';
import { CILIUM_NETWORK_POLICY, policyHead, quarantinePolicyName } from './names.ts';
import { denyAllPolicy } from './network-policy.ts';
import type { Engine, PolicyInput, PolicyObject } from './plan.ts';
import { podsById } from './selectors.ts';

/** The ids that can be selected, sorted, each once. What is no label value is on no pod, and would make a policy invalid. */
export function quarantinedIds({ quarantined }: Pick<PolicyInput, 'quarantined'>): string[] {
  return [...new Set(quarantined)].filter((id) => LABEL_VALUE.test(id)).sort();
}

/** Strongest first: where Cilium is, its deny wins over every allow policy at once. */
export function quarantinePolicies(input: PolicyInput, engine: Engine): PolicyObject[] {
  const chunks = chunked(quarantinedIds(input), MOST_IDS);
  const cilium = chunks.map((ids, index) => ({
    ...policyHead(CILIUM_NETWORK_POLICY, input, 'quarantine', quarantinePolicyName(input.name, index)),
    spec: cutOffSpec(podsById(ids)),
  }));
  const plain = chunks.map((ids, index) =>
    denyAllPolicy(input, 'quarantine', quarantinePolicyName(input.name, index), podsById(ids)),
  );
  return engine === 'cilium' ? [...cilium, ...plain] : plain;
}

const MOST_IDS = 200;
/** A label value, of which an id is one; the empty one is excluded because it would be shared. */
const LABEL_VALUE = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
