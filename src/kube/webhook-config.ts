/**
 * The webhook configurations: which requests the API server asks Bulkhead about, and what it does when nobody answers.
 *
 * Nobody may be locked out of a cluster by Bulkhead being down, so what fails closed is kept narrow:
 * - Only pods, only in namespaces that hold an AgentSandbox, and those by name: the API server sets the label
 *   kubernetes.io/metadata.name itself, so nobody can take a namespace out of reach or put one in.
 * - Never kube-system, kube-node-lease or Bulkhead's own namespace, sandbox or not: what repairs a cluster starts there.
 * - With no sandbox anywhere there is no pod webhook at all.
 * - A change of a pod is asked about only when an image or one of our labels changes; finalizers, owner references and
 *   status pass by, so that pods can be deleted and Jobs finish while Bulkhead is away.
 * - Mutating never blocks (Ignore, 1 s); validating does (Fail, 3 s) and judges what mutating left undone.
 */
import { GROUP, PROTECTED_POD_LABELS, VERSION } from '../api/v1alpha1/labels.ts';
import type { KubeObject } from '../api/v1alpha1/types.ts';

/** Where the API server reaches the webhook: a Service in the cluster, or an URL when Bulkhead runs outside of it. */
export type WebhookAddress = { service: { namespace: string; name: string; port: number } } | { url: string };

export interface WebhookConfigOptions {
  address: WebhookAddress;
  /** PEM; see WebhookCertificates.bundle. */
  caBundle: string;
  /** Namespaces that hold an AgentSandbox. */
  namespaces: readonly string[];
  /** Namespaces that are never matched, besides those of the cluster itself: Bulkhead's own. */
  excludedNamespaces: readonly string[];
  /** Who Bulkhead is to the API server; its own requests are not asked about. */
  operatorUsername: string;
  paths: { mutate: string; validate: string };
}

/** A configuration with its webhooks. */
export interface WebhookConfiguration extends KubeObject {
  webhooks: readonly Record<string, unknown>[];
}

export const WEBHOOK_CONFIGURATION_NAME = 'bulkhead';

/** Changes pods as they are made, and names the approver in an approval. */
export function mutatingWebhookConfiguration(options: WebhookConfigOptions): WebhookConfiguration {
  const common = { ...shared(options), clientConfig: clientConfig(options, options.paths.mutate) };
  const ignore = { ...common, failurePolicy: 'Ignore', timeoutSeconds: 1, reinvocationPolicy: 'Never' };
  return configuration('MutatingWebhookConfiguration', [
    ...inSandboxNamespaces(options, {
      ...ignore,
      name: `pods.mutate.${GROUP}`,
      rules: [rule('', 'v1', ['pods'], ['CREATE'])],
    }),
    {
      ...ignore,
      name: `approvals.mutate.${GROUP}`,
      rules: [rule(GROUP, VERSION, ['agentincidents/status'], ['UPDATE'])],
    },
  ]);
}

/** Judges pods as they would be stored. */
export function validatingWebhookConfiguration(options: WebhookConfigOptions): WebhookConfiguration {
  const { matchConditions, ...common } = shared(options);
  return configuration('ValidatingWebhookConfiguration', [
    ...inSandboxNamespaces(options, {
      ...common,
      name: `pods.validate.${GROUP}`,
      clientConfig: clientConfig(options, options.paths.validate),
      failurePolicy: 'Fail',
      timeoutSeconds: 3,
      rules: [rule('', 'v1', ['pods'], ['CREATE', 'UPDATE']), rule('', 'v1', ['pods/ephemeralcontainers'], ['UPDATE'])],
      matchConditions: [...matchConditions, { name: 'something-to-judge', expression: SOMETHING_TO_JUDGE }],
    }),
  ]);
}

function configuration(kind: string, webhooks: readonly Record<string, unknown>[]): WebhookConfiguration {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name: WEBHOOK_CONFIGURATION_NAME },
    webhooks,
  };
}

function shared({ operatorUsername }: WebhookConfigOptions) {
  return {
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    matchPolicy: 'Equivalent',
    matchConditions: [
      { name: 'not-bulkhead-itself', expression: `request.userInfo.username != ${JSON.stringify(operatorUsername)}` },
    ],
  };
}

/** The webhook, limited to the sandboxes' namespaces; no webhook when there are none, as `In` needs a value. */
function inSandboxNamespaces(
  { namespaces, excludedNamespaces }: WebhookConfigOptions,
  webhook: Record<string, unknown>,
): Record<string, unknown>[] {
  const excluded = [...new Set([...CLUSTER_NAMESPACES, ...excludedNamespaces])].sort();
  const included = [...new Set(namespaces)].filter((namespace) => !excluded.includes(namespace)).sort();
  const key = 'kubernetes.io/metadata.name';
  const namespaceSelector = {
    matchExpressions: [
      { key, operator: 'In', values: included },
      { key, operator: 'NotIn', values: excluded },
    ],
  };
  return included.length === 0 ? [] : [{ ...webhook, namespaceSelector }];
}

function clientConfig({ address, caBundle }: WebhookConfigOptions, path: string) {
  const encoded = Buffer.from(caBundle).toString('base64');
  return 'url' in address
    ? { url: `${address.url.replace(/\/$/, '')}${path}`, caBundle: encoded }
    : { service: { ...address.service, path }, caBundle: encoded };
}

function rule(group: string, version: string, resources: string[], operations: string[]) {
  return { apiGroups: [group], apiVersions: [version], resources, operations, scope: 'Namespaced' };
}

/** CEL: true for everything but an update of a pod that leaves images and our labels as they are. */
const SOMETHING_TO_JUDGE = [
  'request.operation != "UPDATE"',
  'has(request.subResource) && request.subResource != ""',
  'object.spec.containers.map(c, c.image) != oldObject.spec.containers.map(c, c.image)',
  '(has(object.spec.initContainers) ? object.spec.initContainers.map(c, c.image) : []) != (has(oldObject.spec.initContainers) ? oldObject.spec.initContainers.map(c, c.image) : [])',
  ...PROTECTED_POD_LABELS.map(
    (label) => `object.metadata.?labels[?"${label}"] != oldObject.metadata.?labels[?"${label}"]`,
  ),
].join(' || ');

const CLUSTER_NAMESPACES = ['kube-node-lease', 'kube-system'];
