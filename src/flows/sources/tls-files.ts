/**
 * TLS for a Hubble server or relay, from certificate files.
 *
 * Read anew for every connection, because Cilium's certificates are rotated under the running programs. TLS 1.3 is the
 * least that Hubble itself accepts.
 */
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js';

export interface TlsFiles {
  /** PEM file of the authority that signed the server; undefined means the public ones. */
  ca?: string | undefined;
  /** Client certificate and key, both or none, where the server wants mutual TLS. */
  cert?: string | undefined;
  key?: string | undefined;
  /** Name the server's certificate is checked for instead of the host name: `ui.hubble-relay.cilium.io` for a relay. */
  serverName?: string | undefined;
}

export interface ChannelSecurity {
  credentials: ChannelCredentials;
  options: ChannelOptions;
}

/** Plaintext when `tls` is undefined. Rejects when a file is missing or no certificate. */
export async function channelSecurity(tls: TlsFiles | undefined): Promise<ChannelSecurity> {
  if (tls === undefined) {
    return { credentials: credentials.createInsecure(), options: {} };
  }
  const [ca, cert, key] = await Promise.all([tls.ca, tls.cert, tls.key].map(read));
  const context = createSecureContext({ ca, cert, key, minVersion: 'TLSv1.3' });
  return {
    credentials: ChannelCredentials.createFromSecureContext(context),
    options:
      tls.serverName === undefined
        ? {}
        : { 'grpc.ssl_target_name_override': tls.serverName, 'grpc.default_authority': tls.serverName },
  };
}

async function read(path: string | undefined): Promise<Buffer | undefined> {
  return path === undefined ? undefined : await readFile(path);
}
