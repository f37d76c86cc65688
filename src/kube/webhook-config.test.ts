import { describe, expect, it } from 'vitest';
import {
  mutatingWebhookConfiguration,
  validatingWebhookConfiguration,
  type WebhookConfigOptions,
} from './webhook-config.ts';

const OPTIONS: WebhookConfigOptions = {
  address: { service: { namespace: 'bulkhead-system', name: 'bulkhead-webhook', port: 443 } },
  caBundle: 'PEM',
  namespaces: ['team-b', 'team-a', 'team-b'],
  excludedNamespaces: ['bulkhead-system'],
  operatorUsername: 'system:serviceaccount:bulkhead-system:bulkhead',
  paths: { mutate: '/mutate', validate: '/validate' },
};

const names = ({ webhooks }: { webhooks: readonly Record<string, unknown>[] }) => webhooks.map(({ name }) => name);

describe('webhook configurations', () => {
  it('match the namespaces of sandboxes by the name that the API server sets, in a stable order', () => {
    expect(validatingWebhookConfiguration(OPTIONS).webhooks[0]).toMatchObject({
      namespaceSelector: {
        matchExpressions: [
          { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['team-a', 'team-b'] },
          {
            key: 'kubernetes.io/metadata.name',
            operator: 'NotIn',
            values: ['bulkhead-system', 'kube-node-lease', 'kube-system'],
          },
        ],
      },
    });
  });

  it.each<[string, string[]]>([
    ['no namespace holds a sandbox', []],
    ['only namespaces do that are never matched', ['kube-system', 'bulkhead-system']],
  ])('hold no webhook for pods when %s', (_name, namespaces) => {
    expect(names(validatingWebhookConfiguration({ ...OPTIONS, namespaces }))).toEqual([]);
    // An incident outlives its sandbox, so approvals are always stamped.
    expect(names(mutatingWebhookConfiguration({ ...OPTIONS, namespaces }))).toEqual(['approvals.mutate.bulkhead.dev']);
  });

  it('let pass what mutating could not reach, and refuse what validating could not', () => {
    const policies = [
      ...mutatingWebhookConfiguration(OPTIONS).webhooks,
      ...validatingWebhookConfiguration(OPTIONS).webhooks,
    ];
    expect(policies.map(({ failurePolicy, timeoutSeconds }) => [failurePolicy, timeoutSeconds])).toEqual([
      ['Ignore', 1],
      ['Ignore', 1],
      ['Fail', 3],
    ]);
  });

  it.each([
    [
      'a Service',
      OPTIONS.address,
      { service: { namespace: 'bulkhead-system', name: 'bulkhead-webhook', port: 443, path: '/mutate' } },
    ],
    ['an URL', { url: 'https://127.0.0.1:9443/' }, { url: 'https://127.0.0.1:9443/mutate' }],
  ])('reach the webhook by %s', (_name, address, expected) => {
    expect(mutatingWebhookConfiguration({ ...OPTIONS, address }).webhooks[0]).toMatchObject({
      clientConfig: { ...expected, caBundle: 'UEVN' },
    });
  });

  it('quote the name of Bulkhead, whatever it holds', () => {
    const { webhooks } = mutatingWebhookConfiguration({ ...OPTIONS, operatorUsername: 'a"b' });
    expect(webhooks[0]).toMatchObject({
      matchConditions: [{ name: 'not-bulkhead-itself', expression: 'request.userInfo.username != "a\\"b"' }],
    });
  });
});
