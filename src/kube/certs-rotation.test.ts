import { beforeEach, describe, expect, it } from 'vitest';
import { ApiError } from '../api/errors.ts';
import { chainsTo, createAuthority, type KeyedCertificate } from './certs.ts';
import { type AuthorityStore, fromSecretData, toSecretData, WebhookCertificates } from './certs-rotation.ts';

const NAMES = { dns: ['bulkhead-webhook.bulkhead-system.svc'], ips: [] };
const HOUR_MS = 3_600_000;

/** One Secret, as the API server keeps it: a write on an old version is a conflict. */
class MemoryStore implements AuthorityStore {
  data: Record<string, string> | undefined;
  #version = 0;
  read() {
    const version = this.data === undefined ? undefined : String(this.#version);
    return Promise.resolve({ authorities: fromSecretData(this.data ?? {}), version });
  }
  write(authorities: readonly KeyedCertificate[], version: string | undefined) {
    if (version !== (this.data === undefined ? undefined : String(this.#version))) {
      return Promise.reject(new ApiError(409, 'Conflict', 'written meanwhile'));
    }
    this.data = toSecretData(authorities);
    this.#version += 1;
    return Promise.resolve();
  }
}

let now: Date;
let store: MemoryStore;
let published: string[];
beforeEach(() => {
  now = new Date('2026-11-22T00:00:00Z');
  store = new MemoryStore();
  published = [];
});

function replica() {
  const served: KeyedCertificate[] = [];
  const certificates = new WebhookCertificates({
    store,
    names: NAMES,
    now: () => now,
    publishedBundles: () => Promise.resolve(published),
    onLeaf: (leaf) => served.push(leaf),
  });
  return { certificates, served };
}

const pass = (hours: number) => {
  now = new Date(now.getTime() + hours * HOUR_MS);
};

describe('WebhookCertificates', () => {
  it('serves a leaf that chains to the bundle it asks to publish', async () => {
    const { certificates, served } = replica();
    expect(certificates.servedLeafChainsTo(certificates.bundle)).toBe(false);
    await certificates.refresh();
    expect(served).toHaveLength(1);
    expect(certificates.servedLeafChainsTo(certificates.bundle)).toBe(true);
    expect(certificates.servedLeafChainsTo('')).toBe(false);
  });

  it('changes nothing while nothing is due', async () => {
    const { certificates, served } = replica();
    await certificates.refresh();
    const { bundle } = certificates;
    published = [bundle, bundle];
    pass(24);
    await certificates.refresh();
    expect(served).toHaveLength(1);
    expect(certificates.bundle).toBe(bundle);
  });

  it('keeps two replicas on one CA, also when both start at once', async () => {
    const [one, two] = [replica(), replica()];
    await Promise.all([one.certificates.refresh(), two.certificates.refresh()]);
    expect(two.certificates.bundle).toBe(one.certificates.bundle);
    expect(one.certificates.servedLeafChainsTo(two.certificates.bundle)).toBe(true);
    expect(one.served[0]?.certificatePem).not.toBe(two.served[0]?.certificatePem);
  });

  it('is trusted on every day of three years, with each bundle published a day late', async () => {
    const { certificates, served } = replica();
    await certificates.refresh();
    published = [certificates.bundle];
    const bundles = new Set<string>();
    for (let day = 0; day < 3 * 365; day += 1) {
      pass(24);
      expect(certificates.servedLeafChainsTo(published[0]!), `before the pass at ${now.toISOString()}`).toBe(true);
      await certificates.refresh();
      expect(certificates.servedLeafChainsTo(published[0]!), `after the pass at ${now.toISOString()}`).toBe(true);
      published = [certificates.bundle];
      bundles.add(certificates.bundle);
    }
    // CAs are made on days 0, 244, 488, 732 and 976 and end on days 365, 609 and 853: the first bundle and seven changes.
    expect(bundles.size).toBe(8);
    // A leaf is due after 4 2/3 days, so on every fifth: 219 in 1095 days, and one for each of the four new CAs.
    expect(served.length).toBeGreaterThanOrEqual(219);
    expect(served.length).toBeLessThanOrEqual(224);
  });

  it('signs with the old CA until every configuration carries the new one', async () => {
    const { certificates, served } = replica();
    await certificates.refresh();
    const old = certificates.bundle;
    published = [old, old];
    pass(244 * 24);
    await certificates.refresh();
    expect(certificates.bundle).not.toBe(old);
    published = [certificates.bundle, old];
    await certificates.refresh();
    expect(chainsTo(served.at(-1)!.certificatePem, old, now)).toBe(true);
    published = [certificates.bundle, certificates.bundle];
    await certificates.refresh();
    expect(chainsTo(served.at(-1)!.certificatePem, old, now)).toBe(false);
    expect(certificates.servedLeafChainsTo(certificates.bundle)).toBe(true);
  });

  it('recovers after the process slept past the end of everything', async () => {
    const { certificates } = replica();
    await certificates.refresh();
    published = [certificates.bundle];
    pass(400 * 24);
    expect(certificates.servedLeafChainsTo(published[0]!)).toBe(false);
    await certificates.refresh();
    expect(certificates.servedLeafChainsTo(certificates.bundle)).toBe(true);
  });

  it.each<[string, () => void]>([
    ['is deleted', () => (store.data = undefined)],
    ['is emptied', () => (store.data = {})],
    ['is no JSON', () => (store.data = { 'authorities.json': '{' })],
    ['is of another shape', () => (store.data = { 'authorities.json': '[null, 7, {"certificatePem": 1}]' })],
    [
      'lost its key',
      () =>
        (store.data = {
          'authorities.json': store.data!['authorities.json']!.replaceAll(/"keyPem":"[^"]*"/g, '"keyPem":"x"'),
        }),
    ],
  ])('makes a new CA when the Secret %s', async (_name, damage) => {
    const { certificates } = replica();
    await certificates.refresh();
    const before = certificates.bundle;
    published = [before];
    damage();
    await certificates.refresh();
    expect(certificates.bundle).not.toBe(before);
    expect(certificates.servedLeafChainsTo(certificates.bundle)).toBe(true);
  });

  it('keeps serving when the store cannot be reached', async () => {
    const { certificates } = replica();
    await certificates.refresh();
    const { bundle } = certificates;
    store.read = () => Promise.reject(new ApiError(0, 'ConnectionFailed', 'refused'));
    await expect(certificates.refresh()).rejects.toThrow('refused');
    expect(certificates.servedLeafChainsTo(bundle)).toBe(true);
  });

  it('gives up on a store that says conflict for ever', async () => {
    const { certificates } = replica();
    store.write = () => Promise.reject(new ApiError(409, 'Conflict', 'written meanwhile'));
    await expect(certificates.refresh()).rejects.toThrow('written meanwhile');
  });
});

it('reads back from the Secret what it wrote, with the CAs alone in ca.crt', async () => {
  const authorities = [await createAuthority(now), await createAuthority(now)];
  const data = toSecretData(authorities);
  expect(fromSecretData(data)).toEqual(authorities);
  expect(data['ca.crt']?.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  expect(data['ca.crt']).not.toMatch(/PRIVATE/);
});
