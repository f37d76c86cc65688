/**
 * The world that pods may want to reach: a set of namespaces with a DNS server, an SSH server and the servers of
 * `outside-servers.ts`, each on a documentation address of its own, with names under domains that are reserved or made up.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { ProcessIdentity } from '../../process-identity.mjs';
import { makeAuthority } from '../certificates.ts';
import { RigError } from '../rig-error.ts';
import type { ProgramResult } from '../run-program.ts';
import { runProgram } from '../run-program.ts';
import { startServer } from '../server-process.ts';
import { INSIDE, type Namespaces, startInside } from './namespaces.ts';
import { OUTSIDE } from './network.ts';
import type { OutsideEvent } from './outside-servers.ts';

/** Names that the outside's DNS server knows; every other does not exist. */
export const OUTSIDE_NAMES: Readonly<Record<string, string>> = {
  'ssh.example.net': OUTSIDE.ssh,
  'git.example.com': OUTSIDE.ssh,
  'www.example.com': OUTSIDE.web,
  'mirror.example.com': OUTSIDE.web,
  'pool.example.net': OUTSIDE.pool,
  'pool.supportxmr.com': OUTSIDE.pool,
  'db.example.com': OUTSIDE.database,
  'time.example.com': OUTSIDE.time,
};

export interface Outside {
  addresses: typeof OUTSIDE;
  /** Runs a program on the outside, to its end. */
  exec(command: readonly string[], stdin?: string): Promise<ProgramResult>;
  /** Starts a program there that goes on until the node ends; its output is `outside-NAME.log`. */
  start(name: string, command: readonly string[]): Promise<void>;
  /** What reached the servers so far. */
  events(): OutsideEvent[];
  /** Private key that the SSH server accepts for root, in OpenSSH's form. */
  sshKey: string;
  /** The authority behind the web server's certificate. */
  caPem: string;
}

export interface OutsideOptions {
  /** The folder of the node; the outside has one of its own in it. */
  folder: string;
  /** Further names, or others for the same, as name to address. */
  names?: Readonly<Record<string, string>> | undefined;
  onProcess(name: string, identity: ProcessIdentity): void;
}

/** Where its servers say what reached them. */
const EVENTS = 'outside-servers';
const WWW = 'www';
const AUTHORITY = 'web-ca.pem';

/** Writes keys and settings, and starts the servers. */
export async function startOutside(namespaces: Namespaces, options: OutsideOptions): Promise<void> {
  const { folder, onProcess } = options;
  const [caPem] = await Promise.all([writeWebCertificate(folder), writeSshKeys(folder)]);
  mkdirSync(join(folder, WWW), { recursive: true });
  writeFileSync(join(folder, WWW, 'index.html'), 'hello from the outside\n');
  writeFileSync(join(folder, 'dnsmasq.conf'), dnsmasqConfig({ ...OUTSIDE_NAMES, ...options.names }));
  writeFileSync(join(folder, 'sshd_config'), SSHD_CONFIG);
  writeFileSync(
    join(folder, 'servers.json'),
    JSON.stringify({ www: join(folder, WWW), certificate: join(folder, 'web.pem'), key: join(folder, 'web.key') }),
  );
  const run = async (name: string, command: readonly string[]): Promise<void> => {
    onProcess(name, await startInside(namespaces, folder, name, command));
  };
  const servers = [process.execPath, join(import.meta.dirname, 'outside-servers.ts'), join(folder, 'servers.json')];
  onProcess(EVENTS, startServer(folder, EVENTS, namespaces.enterNetwork(servers)));
  await run('outside-dns', ['dnsmasq', '--keep-in-foreground', `--conf-file=${INSIDE}/dnsmasq.conf`]);
  await run('outside-sshd', ['/usr/sbin/sshd', '-D', '-e', '-f', `${INSIDE}/sshd_config`]);
  writeFileSync(join(folder, AUTHORITY), caPem);
}

/** The outside of a node that runs. @param folder - the outside's own. */
export function openOutside(namespaces: Namespaces, folder: string): Outside {
  return {
    addresses: OUTSIDE,
    exec: (command, stdin) => namespaces.exec(command, stdin === undefined ? {} : { stdin }),
    async start(name, command) {
      // It needs no record: it ends with the namespaces.
      await startInside(namespaces, folder, `outside-${name}`, command);
    },
    events: () => readEvents(join(folder, `${EVENTS}.log`)),
    sshKey: readFileSync(join(folder, 'client_key'), 'utf8'),
    caPem: readFileSync(join(folder, AUTHORITY), 'utf8'),
  };
}

/** Whole lines only: the last may be half written. */
function readEvents(path: string): OutsideEvent[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as OutsideEvent);
}

async function writeWebCertificate(folder: string): Promise<string> {
  const authority = await makeAuthority('bulkhead-rig-outside-ca');
  const { certificatePem, keyPem } = await authority.issue({
    subject: 'CN=www.example.com',
    usage: 'server',
    names: Object.keys(OUTSIDE_NAMES),
    addresses: [OUTSIDE.web],
  });
  writeFileSync(join(folder, 'web.pem'), certificatePem);
  writeFileSync(join(folder, 'web.key'), keyPem, { mode: 0o600 });
  return authority.caPem;
}

async function writeSshKeys(folder: string): Promise<void> {
  for (const name of ['host_key', 'client_key']) {
    const args = ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(folder, name)];
    const answer = await runProgram('ssh-keygen', args);
    if (answer?.code !== 0) {
      throw new RigError(`ssh-keygen failed: ${answer?.stderr.trim() ?? 'it is not on PATH'}`);
    }
  }
  copyFileSync(join(folder, 'client_key.pub'), join(folder, 'authorized_keys'));
}

/** Everything that a tunnel wants is allowed: it is the pod's side that must stop it. */
const SSHD_CONFIG = `ListenAddress ${OUTSIDE.ssh}:22
ListenAddress ${OUTSIDE.ssh}:443
HostKey ${INSIDE}/host_key
AuthorizedKeysFile ${INSIDE}/authorized_keys
StrictModes no
PasswordAuthentication no
PermitRootLogin yes
AllowTcpForwarding yes
PermitTunnel yes
GatewayPorts clientspecified
UsePAM no
PidFile none
LogLevel VERBOSE
`;

function dnsmasqConfig(names: Readonly<Record<string, string>>): string {
  return [
    'no-resolv',
    'no-hosts',
    `listen-address=${OUTSIDE.dns}`,
    'bind-interfaces',
    'user=root',
    'log-queries',
    'log-facility=-',
    'pid-file=',
    // Nobody is asked further. A name's address stands as a host record, so that its missing IPv6 address is no NXDOMAIN.
    'address=/#/',
    ...Object.entries(names).map(([name, address]) => `host-record=${name},${address}`),
    '',
  ].join('\n');
}
