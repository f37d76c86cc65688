/**
 * The names Bulkhead writes on other people's objects.
 *
 * Policies select these labels and nothing else, so whoever can set them decides what is enforced: only Bulkhead's own
 * service account may (config/admission holds the rule that says so in the API server).
 */

export const GROUP = 'bulkhead.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** On a pod: the AgentSandbox that governs it. */
export const SANDBOX_LABEL = `${GROUP}/sandbox`;
/** On a pod: its own stable id, stamped at admission; quarantine selects it. Never shared by two pods. */
export const POD_ID_LABEL = `${GROUP}/pod-id`;
/** On a quarantined pod: the AgentIncident that cut it off. For people and dashboards; no policy selects it. */
export const QUARANTINE_LABEL = `${GROUP}/quarantine`;
/** Every label that only Bulkhead may set or change on a pod. */
export const PROTECTED_POD_LABELS = [SANDBOX_LABEL, POD_ID_LABEL, QUARANTINE_LABEL] as const;

/** On generated objects: who made them. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MANAGED_BY = 'bulkhead';
/** On generated policies: what the policy is for, one of PolicyRole in policy/names.ts. */
export const ROLE_LABEL = `${GROUP}/role`;
/** On an AgentIncident: hash of the finding key, so that a repeat finds its incident. */
export const FINDING_LABEL = `${GROUP}/finding`;

/** Server-side apply field manager of everything Bulkhead writes. */
export const FIELD_MANAGER = 'bulkhead';
/** RBAC verb on agentincidents that lets a person release a pod. */
export const RELEASE_VERB = 'release';
