import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { floorPolicyName, policyHead, quarantinePolicyName, sandboxPolicyName } from './names.ts';

const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

describe('names', () => {
  test('say which sandbox they belong to', () => {
    expect(sandboxPolicyName('rome')).toBe('bulkhead-rome');
    expect(floorPolicyName('rome')).toBe('bulkhead-rome-floor');
    expect(quarantinePolicyName('rome', 0)).toBe('bulkhead-rome-quarantine');
    expect(quarantinePolicyName('rome', 1)).toBe('bulkhead-rome-quarantine-2');
  });

  test('no sandbox can be named so that it writes over the policies of another', () => {
    const endings = ['', '-floor', '-quarantine', '-quarantine-2', '-quarantine-2-floor', '-floor-quarantine'];
    const plain = endings.map((ending) => `rome${ending}`);
    // Somebody who knows the rule may also take the hashed name of another sandbox for their own.
    const sandboxes = [...plain, ...plain.map((name) => sandboxPolicyName(name).slice('bulkhead-'.length))];
    const all = new Map<string, string>();
    for (const sandbox of new Set(sandboxes)) {
      const own = [
        sandboxPolicyName(sandbox),
        floorPolicyName(sandbox),
        ...[0, 1, 2].map((n) => quarantinePolicyName(sandbox, n)),
      ];
      for (const name of own) {
        expect(all.get(name), `${name} of ${sandbox}`).toBeUndefined();
        all.set(name, sandbox);
      }
    }
  });

  test('are valid for every name an object can have', () => {
    const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?$/);
    const sandbox = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.').slice(0, 253));
    fc.assert(
      fc.property(
        sandbox.filter((name) => DNS_SUBDOMAIN.test(name)),
        fc.nat({ max: 99_999 }),
        (name, index) => {
          for (const policy of [sandboxPolicyName(name), floorPolicyName(name), quarantinePolicyName(name, index)]) {
            expect(policy).toMatch(DNS_SUBDOMAIN);
            expect(policy.length).toBeLessThanOrEqual(253);
          }
        },
      ),
    );
  });
});

describe('the head of a policy', () => {
  const type = { apiVersion: 'v1', kind: 'Kind' };
  const input = { namespace: 'agents', name: 'rome', uid: 'uid-1', spec: undefined, quarantined: [] };

  test('names the sandbox as its owner, so that it goes when the sandbox goes', () => {
    expect(policyHead(type, input, 'sandbox', 'x').metadata.ownerReferences).toEqual([
      { apiVersion: 'bulkhead.dev/v1alpha1', kind: 'AgentSandbox', name: 'rome', uid: 'uid-1', controller: true },
    ]);
  });

  test('a quarantine has no owner: deleting the sandbox must not free a pod', () => {
    expect(policyHead(type, input, 'quarantine', 'x').metadata.ownerReferences).toBeUndefined();
  });

  test('offline there is no uid and so no owner', () => {
    expect(policyHead(type, { ...input, uid: undefined }, 'sandbox', 'x').metadata.ownerReferences).toBeUndefined();
  });
});
