/**
 * Finds out what this machine lacks for a node, all at once, each with its remedy: nobody should repair one thing to be
 * told of the next.
 */
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import { gunzipSync } from 'node:zlib';
import { cacheFolder, type Environment } from '../folders.ts';
import { findBuild } from '../go-build.ts';
import { goVersion } from '../go-toolchain.ts';
import { elapsed, type Progress } from '../progress.ts';
import { RigError } from '../rig-error.ts';
import { runProgram } from '../run-program.ts';
import { cgroupFolders, isUnified, makeCgroups, readHierarchies, removeCgroups } from './cgroups.ts';
import { bpfTools } from './clang.ts';

/** One thing that is missing. */
export interface Lack {
  what: string;
  remedy: string;
  /** Debian package that brings it. */
  package?: string;
}

/** Programs and files by the Debian package that brings them. */
const PACKAGES: readonly (readonly [name: string, path: string])[] = [
  ['containerd', 'containerd'],
  ['runc', 'runc'],
  ['iptables', 'iptables'],
  ['ipset', 'ipset'],
  ['containernetworking-plugins', '/usr/lib/cni/loopback'],
  ['dnsmasq-base', 'dnsmasq'],
  ['busybox-static', '/usr/bin/busybox'],
  ['openssh-server', '/usr/sbin/sshd'],
  ['openssh-client', '/usr/bin/ssh'],
  ['nmap', '/usr/bin/nmap'],
  ['ncat', '/usr/bin/ncat'],
  ['socat', '/usr/bin/socat'],
  ['tcpdump', '/usr/bin/tcpdump'],
  ['curl', '/usr/bin/curl'],
  ['git', '/usr/bin/git'],
  ['python3', '/usr/bin/python3'],
  ['iproute2', 'ip'],
  ['procps', 'sysctl'],
  ['util-linux', 'unshare'],
  ['tar', 'tar'],
];
const CLANG_PACKAGES = ['clang-19', 'llvm-19'];
/** Go programs of the node. */
export const NODE_PROGRAMS = ['controlplane', 'node', 'cilium-cni', 'netns-forward'] as const;
/** Cilium 1.20's oldest. */
const OLDEST_KERNEL = [5, 10] as const;
const KERNEL_OPTIONS = ['BPF_SYSCALL', 'BPF_JIT', 'CGROUP_BPF', 'NET_CLS_BPF', 'NET_SCH_INGRESS', 'VETH', 'OVERLAY_FS'];
const CONTROLLERS = ['cpu', 'memory', 'pids', 'cpuset'];
const GIB = 2 ** 30;
/** Module cache 1 GB, build cache 4.8 GB, programs 0.4 GB, images 0.6 GB; see docs/development/rig.md. */
const DISK_TO_BUILD = 8 * GIB;
/** Images in containerd, twice: as archive and unpacked. */
const DISK_TO_RUN = 2 * GIB;
const MEMORY = 2 * GIB;

/** What is missing; nothing when a node can start. */
export async function findLacks(env: Environment = process.env): Promise<Lack[]> {
  if (process.platform !== 'linux') {
    return [{ what: `Linux (this is ${process.platform})`, remedy: 'use a Linux machine, or kind with Cilium' }];
  }
  const go = await goVersion(env);
  const packages = [...missingPackages(env), ...(await lacksClang(env))];
  const space = lacksSpace(env, isBuilt(env, go));
  const missing = [...lacksRoot(), ...(go === undefined ? [GO] : []), ...packages, ...lacksKernel(), ...space];
  // The trial needs root and util-linux, and would only repeat that they are missing.
  return missing.some((lack) => lack.what === ROOT || lack.package === 'util-linux')
    ? missing
    : [...missing, ...(await tryKernel()), ...(await tryCgroups())];
}

/** One sentence about everything that is missing. */
export function describeLacks(lacks: readonly Lack[]): string {
  const packages = lacks.flatMap((lack) => (lack.package === undefined ? [] : [lack.package]));
  const rows = lacks.map(({ what, remedy }) => `  ${what}: ${remedy}`);
  const all = packages.length === 0 ? [] : [`All packages: ${installCommand(packages).join(' ')}`];
  return ['A node cannot start on this machine. It lacks:', ...rows, ...all].join('\n');
}

export interface PrepareOptions {
  env: Environment;
  progress: Progress;
  /** Whether Debian packages may be installed; root can. */
  install: boolean;
}

/** What is still missing after what may be installed was installed. */
export async function prepareMachine({ env, progress, install }: PrepareOptions): Promise<Lack[]> {
  const lacks = await findLacks(env);
  if (!install || process.getuid?.() !== 0 || !lacks.some((lack) => lack.package !== undefined)) {
    return lacks;
  }
  await installPackages(lacks, progress);
  return findLacks(env);
}

/** @throws RigError with what apt-get said. */
async function installPackages(lacks: readonly Lack[], progress: Progress): Promise<void> {
  const packages = lacks.flatMap((lack) => (lack.package === undefined ? [] : [lack.package]));
  const started = Date.now();
  progress.say(`installing ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const command of [['apt-get', 'update'], installCommand(packages)]) {
    const [program = '', ...args] = command;
    const answer = await runProgram(program, args, { env });
    if (answer?.code !== 0) {
      throw new RigError(`${command.join(' ')} failed: ${answer?.stderr.trim() ?? 'apt-get is not on PATH'}`);
    }
  }
  progress.say(`installed ${packages.length} packages in ${elapsed(started)}`);
}

function installCommand(packages: readonly string[]): string[] {
  return ['apt-get', 'install', '--yes', '--no-install-recommends', ...packages];
}

const ROOT = 'root';
const GO: Lack = { what: 'Go 1.26 or newer', remedy: 'get it from https://go.dev/dl' };

function lacksRoot(): Lack[] {
  return process.getuid?.() === 0 ? [] : [{ what: ROOT, remedy: 'run it with sudo, or in a VM of your own' }];
}

function missingPackages(env: Environment): Lack[] {
  return PACKAGES.filter(([, path]) => !isInstalled(path, env)).map(([name, path]) => packageLack(path, name));
}

function packageLack(what: string, name: string): Lack {
  return { what, remedy: `apt-get install ${name}, or --install`, package: name };
}

function isInstalled(path: string, env: Environment): boolean {
  const folders = [...(env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return path.startsWith('/') ? existsSync(path) : folders.some((folder) => existsSync(join(folder, path)));
}

async function lacksClang(env: Environment): Promise<Lack[]> {
  return (await bpfTools(env)) === undefined
    ? CLANG_PACKAGES.map((name) => packageLack("clang and llc 18.1 or newer, for Cilium's BPF programs", name))
    : [];
}

function isBuilt(env: Environment, version: string | undefined): boolean {
  return NODE_PROGRAMS.every((name) => findBuild(name, env, version) !== undefined);
}

function lacksSpace(env: Environment, built: boolean): Lack[] {
  const folder = existing(cacheFolder(env));
  const { bavail, bsize } = statfsSync(folder);
  const needed = built ? DISK_TO_RUN : DISK_TO_BUILD;
  const free = bavail * bsize;
  const memory = Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024;
  return [
    ...(free < needed
      ? [
          {
            what: `${gib(needed)} of disk at ${folder} (${gib(free)} free)`,
            remedy: 'free some, or set XDG_CACHE_HOME to a larger disk',
          },
        ]
      : []),
    ...(memory < MEMORY
      ? [{ what: `${gib(MEMORY)} of memory (${gib(memory)} free)`, remedy: 'end something, or use a larger machine' }]
      : []),
  ];
}

function existing(folder: string): string {
  return existsSync(folder) ? folder : existing(dirname(folder));
}

function gib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`;
}

function lacksKernel(): Lack[] {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_KERNEL;
  const isOld = major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
  return [
    ...(isOld ? [{ what: `Linux ${OLDEST_KERNEL.join('.')} (this is ${release()})`, remedy: 'a newer kernel' }] : []),
    ...missingOptions(kernelConfig()).map((option) => ({
      what: `CONFIG_${option} in the kernel`,
      remedy: `a kernel with it, or modprobe what it builds`,
    })),
    ...lacksCgroups(),
  ];
}

/** Of a kernel whose configuration cannot be read, nothing is known to be missing. */
function kernelConfig(): string | undefined {
  const file = `/boot/config-${release()}`;
  if (existsSync('/proc/config.gz')) {
    return gunzipSync(readFileSync('/proc/config.gz')).toString();
  }
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** The options that a kernel configuration lacks. */
export function missingOptions(config: string | undefined): string[] {
  return config === undefined
    ? []
    : KERNEL_OPTIONS.filter((option) => !new RegExp(`^CONFIG_${option}=[ym]$`, 'm').test(config));
}

function lacksCgroups(): Lack[] {
  const hierarchies = readHierarchies(readFileSync('/proc/self/mounts', 'utf8'));
  const unified = hierarchies.find(({ type }) => type === 'cgroup2');
  if (unified === undefined) {
    return [{ what: 'a mounted cgroup2 hierarchy', remedy: 'mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified' }];
  }
  const present = isUnified(hierarchies)
    ? readFileSync(join(unified.mountPoint, 'cgroup.controllers'), 'utf8').trim().split(' ')
    : hierarchies.flatMap(({ options }) => options.split(','));
  return CONTROLLERS.filter((name) => !present.includes(name)).map((name) => ({
    what: `the cgroup controller ${name}`,
    remedy: 'enable it on the kernel command line, or give it to this container',
  }));
}

/** Each is done once in namespaces that end with the trial. */
const TRIALS: Readonly<Record<string, string>> = {
  'mounting proc in a pid namespace': 'mount -t proc proc /proc',
  'mounting a BPF file system': 'mount -t bpf bpf /mnt',
  'making a veth pair': 'ip link add trial0 type veth peer name trial1',
  'attaching BPF to an interface (clsact)': 'tc qdisc add dev lo clsact',
  'mounting an overlay':
    'mkdir /run/a /run/b && mount -t overlay -o lowerdir=/etc,upperdir=/run/a,workdir=/run/b overlay /etc',
};

/** What the kernel refuses, whatever its configuration says: containers and security modules may forbid much. */
async function tryKernel(): Promise<Lack[]> {
  const kinds = ['--net', '--mount', '--uts', '--pid', '--cgroup', '--fork', '--propagation', 'private'];
  const script = Object.entries(TRIALS).map(
    ([what, command]) => `said=$( (${command}) 2>&1 ) || echo '${what}:' $said`,
  );
  const body = ['mount -t tmpfs tmpfs /run || exit 1', ...script, 'exit 0'].join('\n');
  const answer = await runProgram('unshare', [...kinds, 'sh', '-c', body]);
  const refused =
    answer?.code === 0
      ? answer.stdout.split('\n').filter(Boolean)
      : [`making namespaces: ${answer?.stderr.trim() ?? ''}`];
  return refused.map((what) => ({
    what,
    remedy: 'run where this is allowed: a VM, or a privileged container',
  }));
}

/** Makes the groups of a node and removes them: a container may see the hierarchies and not be allowed to use them. */
async function tryCgroups(): Promise<Lack[]> {
  const hierarchies = readHierarchies(readFileSync('/proc/self/mounts', 'utf8'));
  const name = `bulkhead-rig-trial-${process.pid}`;
  try {
    makeCgroups(hierarchies, name);
    await removeCgroups(cgroupFolders(hierarchies, name));
    return [];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [{ what: `making cgroups: ${why}`, remedy: 'run where this is allowed: a VM, or a privileged container' }];
  }
}
