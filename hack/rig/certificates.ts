/**
 * The keys of one control plane: a CA, the API server's certificate under it, and the key that signs ServiceAccount
 * tokens. A CA of its own rather than a self-signed server, because clients and pods are handed a CA.
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

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 60 * 60 * 1000;
const LIFE_MS = 365 * DAY_MS;
/** Clocks of clients may be behind. */
const BACKDATE_MS = DAY_MS;

/** Makes new keys; the server's certificate holds for `names` (DNS) and `addresses` (IP). */
export async function makeKeys(names: readonly string[], addresses: readonly string[]): Promise<ControlPlaneKeys> {
  const [caKeys, serverKeys, serviceAccountKeys] = await Promise.all([makeKeyPair(), makeKeyPair(), makeKeyPair()]);
  const validity = { notBefore: new Date(Date.now() - BACKDATE_MS), notAfter: new Date(Date.now() + LIFE_MS) };
  const ca = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: 'CN=bulkhead-rig-ca',
    serialNumber: '01',
    keys: caKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
    ],
  });
  const server = await X509CertificateGenerator.create({
    ...validity,
    subject: 'CN=kube-apiserver',
    issuer: ca.subject,
    serialNumber: '02',
    publicKey: serverKeys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        ...names.map((value) => ({ type: 'dns' as const, value })),
        ...addresses.map((value) => ({ type: 'ip' as const, value })),
      ]),
    ],
  });
  return {
    caPem: ca.toString('pem'),
    serverCertificatePem: server.toString('pem'),
    serverKeyPem: await exportKey(serverKeys),
    serviceAccountKeyPem: await exportKey(serviceAccountKeys),
    serviceAccountPublicKeyPem: PemConverter.encode(
      await webcrypto.subtle.exportKey('spki', serviceAccountKeys.publicKey),
      'PUBLIC KEY',
    ),
  };
}

function makeKeyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function exportKey(keys: webcrypto.CryptoKeyPair): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
}
