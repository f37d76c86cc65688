/**
 * Names and labels of generated policies: deterministic, and such that no sandbox can be named into another's policies.
 */
import { createHash } from 'node:crypto';
import { API_VERSION, MANAGED_BY, MANAGED_BY_LABEL, ROLE_LABEL, SANDBOX_LABEL } from '../api/v1alpha1/labels.ts';
import type { KubeObject, ObjectMeta } from '../api/v1alpha1/types.ts';
import type { PolicyInput, PolicyObject } from './plan.ts';

/**
 * What a generated policy is for, as its role label says: `sandbox` holds the allow list, `floor` denies everything else,
 * `lockdown` stands in for `sandbox` while the kill switch is on, `quarantine` cuts off single pods.
 */
export type PolicyRole = 'floor' | 'lockdown' | 'quarantine' | 'sandbox';

/** `bulkhead-<sandbox>`: the allow list, or what stands in for it. */
export function sandboxPolicyName(sandbox: string): string {
  const plain = `bulkhead-${sandbox}`;
  if (plain.length <= LONGEST_PLAIN && !TAKEN_SUFFIX.test(plain)) {
    return plain;
  }
  const hash = createHash('sha256').update(sandbox).digest('hex').slice(0, HASH_DIGITS);
  return `${plain.slice(0, LONGEST_PLAIN).replace(/[.-]+$/, '')}-h${hash}`;
}

/** `bulkhead-<sandbox>-floor` */
export function floorPolicyName(sandbox: string): string {
  return `${sandboxPolicyName(sandbox)}-floor`;
}

/** `bulkhead-<sandbox>-quarantine`, then `…-quarantine-2` and so on. `index` starts at 0. */
export function quarantinePolicyName(sandbox: string, index: number): string {
  return `${sandboxPolicyName(sandbox)}-quarantine${index === 0 ? '' : `-${index + 1}`}`;
}

/** Whether a policy of this name can be one that was generated for the sandbox. */
export function isPolicyNameOf(sandbox: string, name: string): boolean {
  const own = sandboxPolicyName(sandbox);
  return name === own || (name.startsWith(own) && OWN_SUFFIX.test(name.slice(own.length)));
}

/** Kind and metadata of a generated policy, without its spec. */
export function policyHead(
  type: Pick<KubeObject, 'apiVersion' | 'kind'>,
  input: PolicyInput,
  role: PolicyRole,
  name: string,
): Omit<PolicyObject, 'spec'> {
  const metadata: ObjectMeta = {
    name,
    namespace: input.namespace,
    labels: { [MANAGED_BY_LABEL]: MANAGED_BY, [ROLE_LABEL]: role, [SANDBOX_LABEL]: input.name },
  };
  // A quarantine outlives its sandbox: deleting the sandbox must not set a pod free.
  if (role !== 'quarantine' && input.uid !== undefined) {
    metadata.ownerReferences = [
      { apiVersion: API_VERSION, kind: 'AgentSandbox', name: input.name, uid: input.uid, controller: true },
    ];
  }
  return { ...type, metadata };
}

export const NETWORK_POLICY = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' } as const;
export const CILIUM_NETWORK_POLICY = { apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy' } as const;

/**
 * Endings that mean something here. A sandbox whose name ends so gets a hash, or else a sandbox called `a-quarantine`
 * would write over the quarantine of sandbox `a`.
 */
const TAKEN_SUFFIX = /-(floor|quarantine(-[0-9]+)?|h[0-9a-f]{10})$/;
const OWN_SUFFIX = /^-(floor|quarantine(-[0-9]+)?)$/;
const HASH_DIGITS = 10;
/** 253 allowed by Kubernetes, less `-h` and the hash (12) and `-quarantine-` and a number of up to 9 digits (21). */
const LONGEST_PLAIN = 253 - 12 - 21;
