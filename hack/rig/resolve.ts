/**
 * Decides what a control plane runs on. A cluster is used only when somebody named it: the current context of whoever
 * types `npm test` may well be production.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Environment } from './folders.ts';
import { type BuildOptions, buildGo, findBuild } from './go-build.ts';
import { goVersion } from './go-toolchain.ts';
import { hasKind } from './kind.ts';
import { RigError } from './rig-error.ts';
import { programsOfAssets, programsOfBuild, type ServerPrograms } from './servers.ts';

/** What to run on. `programs` is called when they are needed, because it may build them for minutes. */
export type ClusterSource =
  | { kind: 'named'; kubeconfigPath: string }
  | { kind: 'kind' }
  | { kind: 'assets' | 'build'; programs: () => Promise<ServerPrograms> };

/** The program of the rig's module that is a control plane. */
export const CONTROL_PLANE = 'controlplane';
export const KUBECONFIG_VARIABLE = 'BULKHEAD_KUBECONFIG';
const ASSETS_VARIABLE = 'KUBEBUILDER_ASSETS';

export interface ResolveOptions extends BuildOptions {
  env: Environment;
  /** A kubeconfig that somebody named on a command line. */
  kubeconfig?: string | undefined;
  /** True for whoever is going to break the servers: then neither a named cluster nor kind will do. */
  own: boolean;
}

/**
 * In this order: the kubeconfig that is named, by option or BULKHEAD_KUBECONFIG; KUBEBUILDER_ASSETS; a build in the
 * cache; kind; a build from Go modules.
 *
 * @throws RigError when the machine has none of them.
 */
export async function resolveSource(options: ResolveOptions): Promise<ClusterSource> {
  return named(options) ?? assets(options) ?? (await ownBuild(options));
}

function named({ env, own, kubeconfig = env[KUBECONFIG_VARIABLE] }: ResolveOptions): ClusterSource | undefined {
  return own || !kubeconfig ? undefined : { kind: 'named', kubeconfigPath: readable(resolve(kubeconfig)) };
}

function assets({ env }: ResolveOptions): ClusterSource | undefined {
  const folder = env[ASSETS_VARIABLE];
  return folder ? { kind: 'assets', programs: async () => checkAssets(folder) } : undefined;
}

async function ownBuild(options: ResolveOptions): Promise<ClusterSource> {
  const { env, own } = options;
  const version = await goVersion(env);
  const isBuilt = findBuild(CONTROL_PLANE, env, version) !== undefined;
  if (!isBuilt && !own && (await hasKind(env))) {
    return { kind: 'kind' };
  }
  if (!isBuilt && version === undefined) {
    throw new RigError(
      'A control plane needs Go 1.26 or newer on PATH (https://go.dev/dl), or envtest binaries in KUBEBUILDER_ASSETS, or Docker with kind, or a cluster named by BULKHEAD_KUBECONFIG.',
    );
  }
  return { kind: 'build', programs: async () => programsOfBuild(await buildGo(CONTROL_PLANE, options)) };
}

function readable(path: string): string {
  try {
    accessSync(path, constants.R_OK);
    return path;
  } catch (error) {
    throw new RigError(`The kubeconfig ${path} that was asked for cannot be read.`, {
      cause: error,
    });
  }
}

function checkAssets(folder: string): ServerPrograms {
  const programs = programsOfAssets(folder);
  const missing = [...programs.etcd, ...programs.apiserver].filter((program) => !existsSync(program));
  if (missing.length > 0) {
    throw new RigError(
      `${ASSETS_VARIABLE} is set but lacks ${missing.join(' and ')}; unset it, or point it to a folder with etcd and kube-apiserver.`,
    );
  }
  return programs;
}
