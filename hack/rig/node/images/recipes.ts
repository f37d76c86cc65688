/**
 * The images of the node: what pods need to exist (pause), the programs that an agent or a test runs, the cluster's DNS
 * server, and Bulkhead itself from this checkout.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { CHECKOUT } from '../../folders.ts';
import { RigError } from '../../rig-error.ts';
import { runProgram } from '../../run-program.ts';
import type { Recipe } from './cache.ts';
import { addBusybox, copyIn, copyLibraries, makeRoot } from './rootfs.ts';

/** Names of the images, as pods ask for them. `imagePullPolicy: Never`, or `IfNotPresent`, which a tag implies. */
export const IMAGES = {
  pause: 'rig.bulkhead.dev/pause:1',
  /** Bash, busybox and the real programs of the scenarios: ssh, sshd, nmap, ncat, socat, curl, python3, git, tcpdump … */
  agent: 'rig.bulkhead.dev/agent:1',
  dns: 'rig.bulkhead.dev/dns:1',
  /** The name that `config/manager/deployment.yaml` asks for. */
  operator: 'docker.io/library/bulkhead:dev',
} as const;

/** Changes whenever a package does. */
const PACKAGES = '/var/lib/dpkg/status';
const DNS_PROGRAMS = ['/usr/bin/bash', '/usr/sbin/dnsmasq'];
const AGENT_PROGRAMS = [
  '/usr/bin/bash',
  '/usr/bin/ssh',
  '/usr/bin/ssh-keygen',
  '/usr/sbin/sshd',
  '/usr/bin/curl',
  '/usr/bin/git',
  '/usr/bin/nmap',
  '/usr/share/nmap',
  '/usr/bin/ncat',
  '/usr/bin/socat',
  '/usr/bin/tcpdump',
  '/usr/bin/python3',
];
/** What newer or fuller machines have besides; `/usr/bin/autossh` is only a script around the program. */
const AGENT_EXTRAS = [
  '/usr/lib/openssh/sshd-session',
  '/usr/lib/openssh/sshd-auth',
  '/usr/lib/git-core/git-remote-http',
  '/usr/lib/git-core/git-remote-https',
  '/usr/share/git-core/templates',
  '/usr/bin/autossh',
  '/usr/lib/autossh/autossh',
  '/usr/bin/dns2tcpc',
  '/usr/bin/dns2tcpd',
  '/etc/services',
];

export const pauseRecipe: Recipe = {
  name: 'pause',
  ingredients: [stampOf('/usr/bin/busybox')],
  async make(scratch) {
    const root = join(scratch, 'root');
    mkdirSync(root);
    await copyIn(root, ['/usr/bin/busybox']);
    return { name: IMAGES.pause, layers: [root], config: { Entrypoint: ['/usr/bin/busybox', 'sleep', '2147483647'] } };
  },
};

export const agentRecipe: Recipe = {
  name: 'agent',
  ingredients: [...AGENT_PROGRAMS, ...AGENT_EXTRAS, PACKAGES].map(stampOf),
  async make(scratch) {
    const root = join(scratch, 'root');
    makeRoot(root);
    const extras = AGENT_EXTRAS.filter((path) => existsSync(path));
    await copyIn(root, [...AGENT_PROGRAMS, ...libraries(/^python3\.\d+$/), ...libraries(/^ossl-modules$/), ...extras]);
    await addBusybox(root);
    return { name: IMAGES.agent, layers: [root], config: { Entrypoint: ['/bin/bash'], WorkingDir: '/root' } };
  },
};

/** @param kubectl - path of a kubectl, by which the server learns the cluster's Services. */
export function dnsRecipe(kubectl: string): Recipe {
  return {
    name: 'dns',
    ingredients: [...DNS_PROGRAMS, PACKAGES, kubectl].map(stampOf),
    async make(scratch) {
      const root = join(scratch, 'root');
      makeRoot(root);
      await copyIn(root, DNS_PROGRAMS);
      await addBusybox(root);
      mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
      cpSync(kubectl, join(root, 'usr/local/bin/kubectl'));
      return { name: IMAGES.dns, layers: [root], config: { Entrypoint: ['/bin/bash'] } };
    },
  };
}

/** Bulkhead as a user's image would be: Node, the packages that it depends on, and the compiled checkout, without root. */
export function operatorRecipe(): Recipe {
  const sources = readdirSync(join(CHECKOUT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const settings = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
  const files = [...settings.map((name) => join(CHECKOUT, name)), ...sources];
  return {
    name: 'operator',
    ingredients: [process.version, PACKAGES, ...files.map((file) => `${file}\n${readFileSync(file, 'utf8')}`)],
    async make(scratch) {
      const base = join(scratch, 'base');
      const app = join(scratch, 'app');
      makeRoot(base);
      await copyLibraries(base, [process.execPath]);
      mkdirSync(join(base, 'usr/local/bin'), { recursive: true });
      cpSync(process.execPath, join(base, 'usr/local/bin/node'));
      copyPackages(join(base, 'app'));
      mkdirSync(join(app, 'app'), { recursive: true });
      cpSync(join(CHECKOUT, 'package.json'), join(app, 'app/package.json'));
      await compile(join(app, 'app/dist'));
      return {
        name: IMAGES.operator,
        layers: [base, app],
        config: { Entrypoint: ['/usr/local/bin/node', '/app/dist/cli/main.js'], User: '65532', WorkingDir: '/app' },
      };
    },
  };
}

/** The packages that package-lock.json names for production; the Node among them is in the image already. */
function copyPackages(target: string): void {
  const lock = JSON.parse(readFileSync(join(CHECKOUT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; optional?: boolean }>;
  };
  const wanted = Object.entries(lock.packages).filter(
    ([path, { dev, devOptional, optional }]) => path !== '' && !dev && !devOptional && !optional,
  );
  for (const [path] of wanted) {
    cpSync(join(CHECKOUT, path), join(target, path), {
      recursive: true,
      // Nested packages have lines of their own in the lock file.
      filter: (source) => isNeeded(source.slice(join(CHECKOUT, path).length)),
    });
  }
}

function isNeeded(pathInPackage: string): boolean {
  return !pathInPackage.startsWith('/node_modules') && !/\.(map|d\.[cm]?ts)$/.test(pathInPackage);
}

/** Without checking types, which is what `npm run verify` is for: a node should run what is on disk. */
async function compile(target: string): Promise<void> {
  const compiler = join(CHECKOUT, 'node_modules/typescript/bin/tsc');
  const project = join(CHECKOUT, 'tsconfig.build.json');
  const args = [compiler, '-p', project, '--outDir', target, '--sourceMap', 'false', '--noCheck'];
  const answer = await runProgram(process.execPath, args, { cwd: CHECKOUT });
  if (answer?.code !== 0) {
    throw new RigError(`Bulkhead does not compile:\n${answer?.stdout.trim() ?? ''}`);
  }
}

/** Folders of that name in /usr/lib, or in its folders for one architecture. */
function libraries(name: RegExp): string[] {
  const top = readdirSync('/usr/lib').map((entry) => join('/usr/lib', entry));
  const below = top.filter((folder) => folder.endsWith('-linux-gnu')).flatMap((folder) => listed(folder));
  return [...top, ...below].filter((path) => name.test(basename(path)));
}

function listed(folder: string): string[] {
  return readdirSync(folder).map((entry) => join(folder, entry));
}

/** Path, size and time of a file: enough to see that a package was upgraded. */
function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? `${path} missing` : `${path} ${stat.size} ${stat.mtimeMs}`;
}
