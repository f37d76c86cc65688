/**
 * Makes and checks the certificates that the API server trusts the webhook by: a CA, and a short-lived leaf under it.
 *
 * ECDSA P-256: a key is made in a millisecond, and every API server speaks it. Certificates start a little in the past,
 * because the API server's clock may be behind. When they are renewed, and in which order, is `certs-rotation.ts`.
 */
import 'reflect-metadata'; // the X.509 library's decorators need it first
import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  X509Certificate as SigningCertificate,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A certificate with its private key, both PEM. */
export interface KeyedCertificate {
  certificatePem: string;
  keyPem: string;
}

/** What the leaf is for: the names in the webhook's Service or URL. */
export interface ServerNames {
  dns: readonly string[];
  ips: readonly string[];
}

/** A CA that lives a year. */
export async function createAuthority(now: Date): Promise<KeyedCertificate> {
  const keys = await createKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(now, AUTHORITY_LIFE_MS),
    name: 'CN=bulkhead-webhook-ca',
    serialNumber: serialNumber(),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: certificate.toString('pem'), keyPem: await exportKey(keys.privateKey) };
}

/** A server certificate that lives seven days, or as long as its CA where that ends earlier. */
export async function issueLeaf(authority: KeyedCertificate, names: ServerNames, now: Date): Promise<KeyedCertificate> {
  const keys = await createKeys();
  const issuer = new SigningCertificate(authority.certificatePem);
  const { notBefore, notAfter } = validity(now, LEAF_LIFE_MS);
  const certificate = await X509CertificateGenerator.create({
    notBefore,
    notAfter: notAfter < issuer.notAfter ? notAfter : issuer.notAfter,
    subject: 'CN=bulkhead-webhook',
    issuer: issuer.subject,
    serialNumber: serialNumber(),
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.keyPem),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        ...names.dns.map((value) => ({ type: 'dns' as const, value })),
        ...names.ips.map((value) => ({ type: 'ip' as const, value })),
      ]),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificatePem: certificate.toString('pem'), keyPem: await exportKey(keys.privateKey) };
}

/** Whether a client that trusts this bundle accepts the certificate now. Never throws; text that is no PEM is no. */
export function chainsTo(certificatePem: string, bundlePem: string, now: Date): boolean {
  const [certificate] = readBundle(certificatePem);
  return (
    certificate !== undefined &&
    isValidAt(certificate, now) &&
    readBundle(bundlePem).some(
      (authority) =>
        isValidAt(authority, now) && certificate.checkIssued(authority) && certificate.verify(authority.publicKey),
    )
  );
}

/** Whether the key is readable and the certificate's own. Never throws. */
export function ownsKey({ certificatePem, keyPem }: KeyedCertificate): boolean {
  const [certificate] = readBundle(certificatePem);
  return (
    certificate !== undefined && (ifReadable(() => certificate.checkPrivateKey(createPrivateKey(keyPem))) ?? false)
  );
}

/** Whether two thirds of its life are over, or it is not valid at all: time for the next one. */
export function isDueForRenewal(certificatePem: string, now: Date): boolean {
  const [certificate] = readBundle(certificatePem);
  if (certificate === undefined || !isValidAt(certificate, now)) {
    return true;
  }
  const from = certificate.validFromDate.getTime();
  const life = certificate.validToDate.getTime() - from;
  return now.getTime() >= from + (life * 2) / 3;
}

/** End of validity; undefined for text that is no certificate. */
export function expiryOf(certificatePem: string): Date | undefined {
  return readBundle(certificatePem)[0]?.validToDate;
}

/** The certificates in a PEM text; whatever cannot be read is left out. */
function readBundle(pem: string): X509Certificate[] {
  return (pem.match(PEM_BLOCK) ?? [])
    .map((block) => ifReadable(() => new X509Certificate(block)))
    .filter((certificate) => certificate !== undefined);
}

/** Undefined for what OpenSSL cannot read: its errors have a code, mistakes in this file do not. */
function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error) {
      return undefined;
    }
    throw error;
  }
}

function isValidAt({ validFromDate, validToDate }: X509Certificate, now: Date): boolean {
  return validFromDate <= now && now < validToDate;
}

function validity(now: Date, lifeMs: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now.getTime() - BACKDATE_MS), notAfter: new Date(now.getTime() + lifeMs) };
}

/** RFC 5280: positive and at most 20 octets. */
function serialNumber(): string {
  const octets = randomBytes(16);
  octets[0] = (octets[0] ?? 0) & 0x7f || 1;
  return octets.toString('hex');
}

function createKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), ALGORITHM, false, ['sign']);
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 60 * 60 * 1000;
const AUTHORITY_LIFE_MS = 365 * DAY_MS;
const LEAF_LIFE_MS = 7 * DAY_MS;
const BACKDATE_MS = 5 * 60 * 1000;
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
