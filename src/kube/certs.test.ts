import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { chainsTo, createAuthority, expiryOf, isDueForRenewal, issueLeaf, ownsKey } from './certs.ts';

const NAMES = { dns: ['bulkhead-webhook.bulkhead-system.svc'], ips: ['127.0.0.1'] };
const DAY_MS = 86_400_000;
const START = new Date('2026-11-22T00:00:00Z');
const after = (days: number) => new Date(START.getTime() + days * DAY_MS);

describe('issueLeaf', () => {
  it('makes a server certificate for the names, under the CA', async () => {
    const authority = await createAuthority(START);
    const leaf = await issueLeaf(authority, NAMES, START);
    const certificate = new X509Certificate(leaf.certificatePem);
    expect(certificate.checkHost('bulkhead-webhook.bulkhead-system.svc')).toBeDefined();
    expect(certificate.checkIP('127.0.0.1')).toBeDefined();
    expect(certificate.checkHost('elsewhere.svc')).toBeUndefined();
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']); // serverAuth
    expect(new X509Certificate(authority.certificatePem).ca).toBe(true);
    expect(ownsKey(leaf)).toBe(true);
    expect(ownsKey({ ...leaf, keyPem: authority.keyPem })).toBe(false);
    expect(ownsKey({ ...leaf, keyPem: 'garbage' })).toBe(false);
  });

  it('lives no longer than its CA', async () => {
    const authority = await createAuthority(START);
    const leaf = await issueLeaf(authority, NAMES, after(362));
    expect(expiryOf(leaf.certificatePem)).toEqual(expiryOf(authority.certificatePem));
  });
});

describe('chainsTo', () => {
  it.each<[string, number, boolean]>([
    ['is valid from the start, for a clock that is two minutes behind', -2 / 1440, true],
    ['is valid on its last day', 6.9, true],
    ['is not valid afterwards', 7, false],
    ['is not valid long before', -1, false],
  ])('%s', async (_name, days, expected) => {
    const authority = await createAuthority(START);
    const leaf = await issueLeaf(authority, NAMES, START);
    expect(chainsTo(leaf.certificatePem, authority.certificatePem, after(days))).toBe(expected);
  });

  it('finds the CA among others in a bundle', async () => {
    const [one, two] = [await createAuthority(START), await createAuthority(START)];
    const leaf = await issueLeaf(two, NAMES, START);
    expect(chainsTo(leaf.certificatePem, `${one.certificatePem}\n${two.certificatePem}`, START)).toBe(true);
    expect(chainsTo(leaf.certificatePem, one.certificatePem, START)).toBe(false);
  });

  it.each(['', 'garbage', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])(
    'is false for the bundle %j',
    async (bundle) => {
      const leaf = await issueLeaf(await createAuthority(START), NAMES, START);
      expect(chainsTo(leaf.certificatePem, bundle, START)).toBe(false);
      expect(chainsTo(bundle, leaf.certificatePem, START)).toBe(false);
    },
  );
});

describe('isDueForRenewal', () => {
  it.each([
    ['a CA on day 243', 'authority', 243, false],
    ['a CA on day 244', 'authority', 244, true],
    ['a leaf on day 4', 'leaf', 4, false],
    ['a leaf on day 5', 'leaf', 5, true],
  ] as const)('of %s', async (_name, which, days, expected) => {
    const authority = await createAuthority(START);
    const leaf = await issueLeaf(authority, NAMES, START);
    expect(isDueForRenewal({ authority, leaf }[which].certificatePem, after(days))).toBe(expected);
  });

  it('of what is no certificate', () => {
    expect(isDueForRenewal('garbage', START)).toBe(true);
  });
});
