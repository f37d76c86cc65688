/**
 * The custom resource definitions that the rig installs: Bulkhead's own, and Cilium's real ones out of the Go module that
 * the rig already pins, so that tests see the schemas a cluster with Cilium has.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { CHECKOUT, type Environment } from './folders.ts';
import { lastLine, runGo } from './go-toolchain.ts';
import { RigError } from './rig-error.ts';

const CILIUM_MODULE = 'github.com/cilium/cilium';
const CILIUM_CRDS = 'pkg/k8s/apis/cilium.io/client/crds';

/** Bulkhead's CRDs in `crds/`. */
export function bulkheadCrdPaths(): string[] {
  return crdFiles(join(CHECKOUT, 'crds'));
}

/**
 * Cilium's v2 CRDs in the Go module cache, downloaded if they are not there.
 * @throws RigError when there is no Go, or the module cannot be fetched.
 */
export async function ciliumCrdPaths(env: Environment = process.env): Promise<string[]> {
  return crdFiles(join(await ciliumModule(env), CILIUM_CRDS, 'v2'));
}

/** All CRDs that an agent waits for, in the module's folder. */
export function allCiliumCrdPaths(module: string): string[] {
  return ['v2', 'v2alpha1'].flatMap((version) => crdFiles(join(module, CILIUM_CRDS, version)));
}

/**
 * The folder of Cilium's Go module in the module cache, downloaded if it is not there.
 * @throws RigError when there is no Go, or the module cannot be fetched.
 */
export async function ciliumModule(env: Environment = process.env): Promise<string> {
  const answer = await runGo(['mod', 'download', '-json', CILIUM_MODULE], { env });
  if (answer === undefined) {
    throw new RigError(
      "Cilium's CRDs come with its Go module, which needs Go 1.26 or newer on PATH; get it from https://go.dev/dl.",
    );
  }
  if (answer.code !== 0) {
    throw new RigError(`The Go module ${CILIUM_MODULE} could not be fetched: ${lastLine(answer.stderr)}`);
  }
  return (JSON.parse(answer.stdout) as { Dir: string }).Dir;
}

/** The definitions in a folder; kustomizations and other files beside them are none. */
function crdFiles(folder: string): string[] {
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  return names
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => join(folder, name))
    .filter((path) => /^kind: CustomResourceDefinition$/m.test(readFileSync(path, 'utf8')));
}
