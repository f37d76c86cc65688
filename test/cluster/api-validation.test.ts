/**
 * The offline reader and the real API server must say the same about an AgentSandbox: one table, both judges.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNetwork } from '../../src/api/v1alpha1/address.ts';
import { parseSandbox } from '../../src/api/v1alpha1/parse.ts';
import { SANDBOX_CASES } from '../api/sandbox-cases.ts';
import { useCluster } from '../support/cluster.ts';

interface Answer {
  message?: string;
  spec?: unknown;
}

const cluster = useCluster();

/** What the API server would do, without doing it. */
async function judge(object: Record<string, unknown>): Promise<{ accepted: boolean; body: Answer }> {
  const namespace = await cluster.namespace();
  const metadata = { ...(object['metadata'] as object), namespace };
  const { status, body } = await cluster.api.request<Answer>(
    'POST',
    `/apis/bulkhead.dev/v1alpha1/namespaces/${namespace}/agentsandboxes?dryRun=All&fieldValidation=Strict`,
    { body: { ...object, metadata } },
  );
  expect([201, 400, 422], body.message).toContain(status);
  return { accepted: status === 201, body };
}

const sandbox = (spec: object) => ({
  apiVersion: 'bulkhead.dev/v1alpha1',
  kind: 'AgentSandbox',
  metadata: { name: 'case' },
  spec: { selector: { podSelector: { matchLabels: { app: 'agent' } } }, ...spec },
});
const times = <T>(count: number, make: (position: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

describe('the API server and the offline reader agree on', () => {
  it.each(SANDBOX_CASES)('%s', async (_name, object, refusal) => {
    const { accepted, body } = await judge(object);
    const offline = parseSandbox(object);
    expect({ server: accepted, offline: offline.problems === undefined }).toEqual({
      server: refusal === 'accepted',
      offline: refusal === 'accepted',
    });
    if (refusal === 'accepted') {
      expect(offline.sandbox?.spec).toEqual(body.spec);
    } else {
      expect(body.message).toContain(refusal.field);
      expect(body.message).toContain(refusal.says ?? '');
    }
  });

  it('what is a network, for a thousand texts that nearly are', async () => {
    const digit = fc.constantFrom(
      '0',
      '1',
      '8',
      '10',
      '32',
      '64',
      '128',
      '255',
      '256',
      '01',
      'ffff',
      'db8',
      'FFFF',
      '',
    );
    const address = fc.array(fc.oneof(digit, fc.constantFrom('.', ':', '::', '1.2.3.4')), {
      minLength: 2,
      maxLength: 10,
    });
    const near = fc.tuple(
      fc.oneof(
        fc.ipV4(),
        fc.ipV6(),
        address.map((parts) => parts.join('')),
      ),
      digit,
    );
    const texts = fc
      .sample(near, { numRuns: 1024, seed: 20261122 })
      .map(([head, length]) => `${head}/${length}`)
      .filter((text) => text.length <= 43);
    const disagreements: string[] = [];
    for (let start = 0; start < texts.length; start += 32) {
      const batch = texts.slice(start, start + 32);
      const allow = [{ name: 'rule', to: batch.map((cidr) => ({ cidr })), ports: [{ port: 443 }] }];
      const { body } = await judge(sandbox({ egress: { allow } }));
      for (const [position, text] of batch.entries()) {
        const refused = (body.message ?? '').includes(`.to[${position}].cidr:`);
        const offline = parseSandbox(sandbox({ egress: { allow: [{ ...allow[0], to: [{ cidr: text }] }] } }));
        if (refused !== (offline.problems !== undefined)) {
          disagreements.push(`${text}: server ${refused ? 'refuses' : 'accepts'}`);
        }
      }
    }
    expect(disagreements).toEqual([]);
    expect(texts.filter((text) => parseNetwork(text) !== undefined).length).toBeGreaterThan(50);
  });
});

describe('the largest sandbox passes: rules of', () => {
  const wide = (to: object[]) =>
    sandbox({
      egress: {
        allow: times(128, (rule) => ({ name: `rule-${rule}`, to, ports: times(64, (port) => ({ port: port + 1 })) })),
      },
    });
  it.each([
    ['names', wide(times(32, (i) => ({ fqdn: `host-${i}.example.com` })))],
    ['networks', wide(times(32, () => ({ cidr: '10.0.0.0/8', except: times(16, (i) => `10.${i}.0.0/16`) })))],
    [
      'pods',
      wide(
        times(8, () => ({
          pods: {
            podSelector: { matchLabels: Object.fromEntries(times(32, (i) => [`example.com/key-${i}`, 'value'])) },
          },
        })),
      ),
    ],
  ])('%s', async (_name, object) => {
    const { accepted, body } = await judge(object);
    expect(body.message).toBeUndefined();
    expect(accepted).toBe(true);
    expect(parseSandbox(object).problems).toBeUndefined();
  });
});
