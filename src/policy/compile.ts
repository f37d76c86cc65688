/**
 * Turns one AgentSandbox into the network policies that enforce it.
 *
 * Pure: same input, same bytes, whatever order lists and maps were written in. Denies come before allows, so that a
 * half-applied plan is stricter, never looser; what cannot be said stays denied and is named as a gap. Applying the plan
 * is kube/, deciding who is quarantined is respond/.
 */
import { baselineOf } from './baseline.ts';
import { cutOffSpec, sandboxSpec } from './cilium-policy.ts';
import { askableNames, DNS_PORTS, readResolvers, resolverPeers } from './dns.ts';
import { readEgress } from './egress.ts';
import { readIngress } from './ingress.ts';
import { CILIUM_NETWORK_POLICY, floorPolicyName, policyHead, sandboxPolicyName } from './names.ts';
import { allowPolicy, denyAllPolicy } from './network-policy.ts';
import { gap, isNonEmpty, type Permit } from './permit.ts';
import type { ClusterFacts, PolicyGap, PolicyInput, PolicyObject, PolicyPlan } from './plan.ts';
import { quarantinedIds, quarantinePolicies } from './quarantine.ts';
import { freePods, sandboxPods } from './selectors.ts';

type Spec = NonNullable<PolicyInput['spec']>;

/**
 * @param input - `name` has at most 63 characters, as the CRD ensures: it is a label value.
 * @param facts - what is unknown is left empty; an address that is none is an error, because leaving it out would open it.
 * @throws TypeError when a fact is not an IP address.
 * @example
 * compilePolicy({ namespace: 'agents', name: 'rome', uid: undefined, spec, quarantined: [] }, facts).objects
 */
export function compilePolicy(input: PolicyInput, facts: ClusterFacts): PolicyPlan {
  const quarantine = quarantinePolicies(input, facts.engine);
  if (input.spec === undefined) {
    return { objects: quarantine, gaps: [] };
  }
  const allowed = compileAllowed(input, input.spec, facts);
  const floor = denyAllPolicy(input, 'floor', floorPolicyName(input.name), sandboxPods(input.name));
  switch (input.spec.mode) {
    // Nothing is blocked, but what Enforce would not say is worth knowing beforehand.
    case 'Observe':
      return { objects: quarantine, gaps: allowed.gaps };
    case 'Lockdown':
      return { objects: [...quarantine, floor, ...lockdown(input, facts)], gaps: selectionGaps(input.spec) };
    case 'Enforce':
      return { objects: [...quarantine, floor, ...allowed.objects], gaps: allowed.gaps };
  }
}

/** In the place of the allow list, so that it is gone the moment this is applied. */
function lockdown(input: PolicyInput, { engine }: ClusterFacts): PolicyObject[] {
  const name = sandboxPolicyName(input.name);
  const pods = sandboxPods(input.name);
  const cilium = { ...policyHead(CILIUM_NETWORK_POLICY, input, 'lockdown', name), spec: cutOffSpec(pods) };
  return [...(engine === 'cilium' ? [cilium] : []), denyAllPolicy(input, 'lockdown', name, pods)];
}

function compileAllowed(input: PolicyInput, spec: Spec, facts: ClusterFacts): PolicyPlan {
  const baseline = baselineOf(facts);
  const egress = readEgress(spec.egress.allow, { namespace: input.namespace, facts, baseline });
  const ingress = readIngress(spec.ingress.allow, baseline);
  const resolvers = readResolvers(spec.egress.dns, baseline);
  const name = sandboxPolicyName(input.name);
  const pods = freePods(input.name, quarantinedIds(input));
  const isCilium = facts.engine === 'cilium';
  const plain = allowPolicy(input, {
    role: 'sandbox',
    name,
    podSelector: pods,
    ingress: ingress.permits,
    // Under Cilium a permit without names beside the one with names would let every name through.
    egress: [...(isCilium ? [] : dnsPermits(resolverPeers(resolvers))), ...egress.permits],
  });
  const cilium = {
    ...policyHead(CILIUM_NETWORK_POLICY, input, 'sandbox', name),
    spec: sandboxSpec(pods, {
      namespace: input.namespace,
      resolvers,
      askable: askableNames(spec.egress.dns, egress, input.namespace),
      namePermits: egress.namePermits,
      networks: egress.networks,
      excepts: egress.excepts,
      baseline,
    }),
  };
  const gaps = [...selectionGaps(spec), ...egress.gaps, ...resolvers.gaps, ...ingress.gaps, ...nameGaps(spec, facts)];
  return {
    objects: isCilium ? [cilium, plain] : [plain],
    gaps: gaps.toSorted((a, b) => (a.field < b.field ? -1 : a.field > b.field ? 1 : 0)),
  };
}

function dnsPermits(peers: Permit['peers'][number][]): Permit[] {
  return isNonEmpty(peers) ? [{ peers, ports: DNS_PORTS }] : [];
}

function selectionGaps(spec: Spec): PolicyGap[] {
  const message = 'is not resolved yet, so no pod is selected; use podSelector';
  return spec.selector.targetRef === undefined ? [] : [gap('NotYetEnforced', 'spec.selector.targetRef', message)];
}

function nameGaps(spec: Spec, { engine }: ClusterFacts): PolicyGap[] {
  if (engine === 'cilium' || spec.egress.dns.names.length === 0) {
    return [];
  }
  const message = 'names are not checked: NetworkPolicy does not see them, so any name may be asked for';
  return [gap('EngineCannotExpress', 'spec.egress.dns.names', message)];
}
