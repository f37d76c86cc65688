/**
 * Certificate files for servers and clients of a test, signed by an authority of its own.
 */
import 'reflect-metadata'; // the X.509 library's decorators need it first
import { webcrypto } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

export interface CertificateFiles {
  cert: string;
  key: string;
}

export interface Authority {
  /** PEM file of the authority's certificate. */
  ca: string;
  /** Writes `NAME.crt` and `NAME.key` for the DNS names, over what was there. */
  issue(name: string, dnsNames: readonly string[]): Promise<CertificateFiles>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;

/** Makes an authority whose files go to `folder`. */
export async function makeAuthority(folder: string, name = 'ca'): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const root = await X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: `CN=${name}`,
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, 0, true)],
  });
  const ca = join(folder, `${name}.crt`);
  writeFileSync(ca, root.toString('pem'));
  return { ca, issue: (leaf, dnsNames) => issue(folder, { root, keys }, leaf, dnsNames) };
}

async function issue(
  folder: string,
  signer: { root: X509Certificate; keys: webcrypto.CryptoKeyPair },
  name: string,
  dnsNames: readonly string[],
): Promise<CertificateFiles> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.create({
    ...validity(),
    subject: `CN=${name}`,
    issuer: signer.root.subject,
    publicKey: keys.publicKey,
    signingKey: signer.keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [new SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: 'dns', value })))],
  });
  const files = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  writeFileSync(files.cert, certificate.toString('pem'));
  writeFileSync(files.key, PemConverter.encode(key, 'PRIVATE KEY'), { mode: 0o600 });
  return files;
}

function validity() {
  return { notBefore: new Date(Date.now() - HOUR_MS), notAfter: new Date(Date.now() + HOUR_MS) };
}
