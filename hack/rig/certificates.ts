/**
 * The keys of one control plane: a CA, the API server's certificate under it, and the key that signs ServiceAccount
 * tokens. A CA of its own rather than a self-signed server, because clients and pods are handed a CA. Other authorities
 * for tests are made here too.
 */
import 'reflect-metadata'; // the X.509 library's decorators need it first
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

export interface ControlPlaneKeys {
  caPem: string;
  serverCertificatePem: string;
  serverKeyPem: string;
  serviceAccountKeyPem: string;
  serviceAccountPublicKeyPem: string;
}

/** A certificate authority that exists only in this process: what it did not issue by now it never will. */
export interface Authority {
  caPem: string;
  issue(request: CertificateRequest): Promise<{ certificatePem: string; keyPem: string }>;
}

export interface CertificateRequest {
  /** Distinguished name, such as `CN=kube-apiserver`. */
  subject: string;
  usage: 'server' | 'client';
  /** DNS names it holds for. */
  names?: readonly string[];
  /** IP addresses it holds for. */
  addresses?: readonly string[];
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 60 * 60 * 1000;
const LIFE_MS = 365 * DAY_MS;
/** Clocks of clients may be behind. */
const BACKDATE_MS = DAY_MS;

/** Makes new keys; the server's certificate holds for `names` (DNS) and `addresses` (IP). */
export async function makeKeys(names: readonly string[], addresses: readonly string[]): Promise<ControlPlaneKeys> {
  const [authority, serviceAccountKeys] = await Promise.all([makeAuthority('bulkhead-rig-ca'), makeKeyPair()]);
  const server = await authority.issue({ subject: 'CN=kube-apiserver', usage: 'server', names, addresses });
  return {
    caPem: authority.caPem,
    serverCertificatePem: server.certificatePem,
    serverKeyPem: server.keyPem,
    serviceAccountKeyPem: await exportKey(serviceAccountKeys),
    serviceAccountPublicKeyPem: PemConverter.encode(
      await webcrypto.subtle.exportKey('spki', serviceAccountKeys.publicKey),
      'PUBLIC KEY',
    ),
  };
}

/** Makes a CA of that common name. */
export async function makeAuthority(commonName: string): Promise<Authority> {
  const caKeys = await makeKeyPair();
  const validity = { notBefore: new Date(Date.now() - BACKDATE_MS), notAfter: new Date(Date.now() + LIFE_MS) };
  const ca = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: `CN=${commonName}`,
    serialNumber: '01',
    keys: caKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
    ],
  });
  let issued = 1;
  return {
    caPem: ca.toString('pem'),
    async issue(request) {
      issued += 1;
      const keys = await makeKeyPair();
      const certificate = await X509CertificateGenerator.create({
        ...validity,
        subject: request.subject,
        issuer: ca.subject,
        serialNumber: issued.toString(16).padStart(2, '0'),
        publicKey: keys.publicKey,
        signingKey: caKeys.privateKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([
            request.usage === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth,
          ]),
          ...alternativeNames(request),
        ],
      });
      return { certificatePem: certificate.toString('pem'), keyPem: await exportKey(keys) };
    },
  };
}

function alternativeNames({ names = [], addresses = [] }: CertificateRequest): SubjectAlternativeNameExtension[] {
  const all = [
    ...names.map((value) => ({ type: 'dns' as const, value })),
    ...addresses.map((value) => ({ type: 'ip' as const, value })),
  ];
  return all.length === 0 ? [] : [new SubjectAlternativeNameExtension(all)];
}

function makeKeyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function exportKey(keys: webcrypto.CryptoKeyPair): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
}
