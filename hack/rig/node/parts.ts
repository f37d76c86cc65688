/** Everything that a node is put together from, built or found before anything starts: the slow and fallible part. */
import { ciliumModule } from '../crds.ts';
import type { Environment } from '../folders.ts';
import { type BuildOptions, buildGo } from '../go-build.ts';
import { findKubectl } from '../kubectl.ts';
import type { Progress } from '../progress.ts';
import { RigError } from '../rig-error.ts';
import { bpfTools } from './clang.ts';
import { buildImage } from './images/cache.ts';
import { agentRecipe, dnsRecipe, operatorRecipe, pauseRecipe } from './images/recipes.ts';
import { describeLacks, NODE_PROGRAMS, prepareMachine } from './preflight.ts';

export interface NodeParts {
  programs: Record<(typeof NODE_PROGRAMS)[number], string>;
  /** Folder of Cilium's Go module. */
  module: string;
  /** The compiler of BPF programs, by the names that the agent calls. */
  tools: Record<string, string>;
  /** Archives, in the order in which they are needed. */
  images: string[];
}

export interface PartsOptions {
  env: Environment;
  progress: Progress;
  signal?: AbortSignal | undefined;
  /** Install missing Debian packages. */
  install?: boolean | undefined;
  /** Whether to make Bulkhead's own image too. */
  operatorImage: boolean;
}

/**
 * Checks the machine and makes what is not made yet.
 * @throws RigError with everything that is missing, when something is.
 */
export async function prepareParts(options: PartsOptions): Promise<NodeParts> {
  const { env, progress, signal } = options;
  const lacks = await prepareMachine({ env, progress, install: options.install === true });
  if (lacks.length > 0) {
    throw new RigError(describeLacks(lacks));
  }
  const build: BuildOptions = { env, progress, signal };
  const programs = {} as NodeParts['programs'];
  for (const name of NODE_PROGRAMS) {
    programs[name] = await buildGo(name, build);
  }
  const recipes = [pauseRecipe, dnsRecipe(await findKubectl(env)), agentRecipe];
  const images: string[] = [];
  for (const recipe of options.operatorImage ? [...recipes, operatorRecipe()] : recipes) {
    images.push(await buildImage(recipe, env, progress));
  }
  return { programs, module: await ciliumModule(env), tools: (await bpfTools(env)) ?? {}, images };
}
