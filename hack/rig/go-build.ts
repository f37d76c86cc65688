/**
 * Builds the rig's Go programs, once per state of their sources, into the cache outside the checkout.
 *
 * The first build takes minutes. It may be interrupted: Go keeps every package that was compiled, so the next run goes
 * on from there. Two runs never build the same program at once, and a program appears under its name only when whole.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { withFileLock } from '../file-lock.mjs';
import { cacheFolder, type Environment, GO_MODULE } from './folders.ts';
import { BUILD_FLAGS, GO_PLATFORM, goVersion, lastLine, runGo } from './go-toolchain.ts';
import { elapsed, type Progress, progressTo } from './progress.ts';
import { RigError } from './rig-error.ts';

export interface BuildOptions {
  env?: Environment;
  progress?: Progress;
  /** Ends the build early; what is compiled by then is kept. */
  signal?: AbortSignal | undefined;
}

/** Builds of one program that are kept, so that switching branches does not build again and the cache stays bounded. */
const KEPT_BUILDS = 3;
/** Folders of the module that several programs share. */
const SHARED_FOLDERS = ['internal', 'stubs'];

/**
 * The path of the program that the module's folder `name` builds, built first if its sources changed.
 *
 * @example const controlPlane = await buildGo('controlplane');
 * @throws RigError when there is no Go, or the build fails.
 */
export async function buildGo(name: string, options: BuildOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const version = await goVersion(env);
  const cached = findBuild(name, env, version);
  if (cached !== undefined) {
    return cached;
  }
  if (version === undefined) {
    throw new RigError(`Building ${name} needs Go 1.26 or newer on PATH; get it from https://go.dev/dl.`);
  }
  const progress = options.progress ?? progressTo();
  const lock = join(buildFolder(env), `${name}.lock`);
  return withFileLock(
    lock,
    () => findBuild(name, env, version) ?? build(name, version, { ...options, env, progress }),
    {
      signal: options.signal,
      onWait: (pid) => progress.say(`another run (pid ${pid}) is building ${name}; waiting for it`),
    },
  );
}

/** A finished build of the present sources; without a `version`, one by any version of Go. */
export function findBuild(name: string, env: Environment, version?: string): string | undefined {
  const wanted = `${name}-${sourceHash(name)}-${version ?? ''}`;
  const folder = buildsOf(name, env).find((folder) =>
    version === undefined ? folder.startsWith(wanted) : folder === wanted,
  );
  const program = folder && join(buildFolder(env), folder, name);
  if (program === undefined || !existsSync(program)) {
    return undefined;
  }
  const now = new Date();
  utimesSync(join(program, '..'), now, now);
  return program;
}

async function build(
  name: string,
  version: string,
  options: Required<Omit<BuildOptions, 'signal'>> & BuildOptions,
): Promise<string> {
  const { env, progress, signal } = options;
  const started = Date.now();
  const folder = join(buildFolder(env), `${name}-${sourceHash(name)}-${version}`);
  const unfinished = join(folder, `.${randomUUID()}`);
  mkdirSync(folder, { recursive: true });
  progress.say(
    `building ${name} from Go modules (some minutes the first time; may be interrupted, the next run goes on)`,
  );
  try {
    const total = await countPackages(name, options);
    let compiled = 0;
    const answer = await runGo(['build', '-v', ...BUILD_FLAGS, '-o', unfinished, `./${name}`], {
      env,
      signal,
      onStderrLine: () => {
        compiled += 1;
        progress.update(`building ${name}: ${compiled} of at most ${total} packages compiled, ${elapsed(started)}`);
      },
    });
    if (answer?.code !== 0) {
      throw new RigError(`Building ${name} failed:\n${complaints(answer?.stderr ?? '')}`);
    }
    renameSync(unfinished, join(folder, name));
  } finally {
    rmSync(unfinished, { force: true });
  }
  forgetOldBuilds(name, env);
  progress.say(`built ${name} in ${elapsed(started)}`);
  return join(folder, name);
}

/** Also fetches the modules, which is why it has progress of its own. */
async function countPackages(
  name: string,
  options: { env: Environment; progress: Progress } & BuildOptions,
): Promise<number> {
  const started = Date.now();
  let fetched = 0;
  const flags = BUILD_FLAGS.filter((flag) => !flag.startsWith('-gcflags'));
  const answer = await runGo(['list', '-deps', ...flags, `./${name}`], {
    env: options.env,
    signal: options.signal,
    onStderrLine: () => {
      fetched += 1;
      options.progress.update(`building ${name}: ${fetched} Go modules fetched, ${elapsed(started)}`);
    },
  });
  if (answer?.code !== 0) {
    throw new RigError(`The Go modules of ${name} could not be fetched: ${lastLine(answer?.stderr ?? '')}`);
  }
  return answer.stdout.trim().split('\n').length;
}

/** What `go build -v` said besides the names of packages. */
function complaints(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const spoken = lines.filter((line) => /\s/.test(line));
  return (spoken.length > 0 ? spoken : lines).slice(-20).join('\n');
}

/** One hash over everything that decides what the program is, except the Go version. */
function sourceHash(name: string): string {
  const hash = createHash('sha256').update(JSON.stringify([BUILD_FLAGS, GO_PLATFORM]));
  for (const file of sourceFiles(name)) {
    hash.update(`\0${file}\0`).update(readFileSync(join(GO_MODULE, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

/** The program's own files and what it shares with the others: editing one program does not rebuild the rest. */
function sourceFiles(name: string): string[] {
  const folders = [name, ...SHARED_FOLDERS].filter((folder) => existsSync(join(GO_MODULE, folder)));
  const nested = folders.flatMap((folder) =>
    readdirSync(join(GO_MODULE, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('_test.go'))
      .map((entry) => join(entry.parentPath, entry.name).slice(GO_MODULE.length + 1)),
  );
  return ['go.mod', 'go.sum', ...nested].sort();
}

function forgetOldBuilds(name: string, env: Environment): void {
  const byAge = buildsOf(name, env)
    .map((folder) => join(buildFolder(env), folder))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const old of byAge.slice(KEPT_BUILDS)) {
    rmSync(old, { recursive: true, force: true });
  }
}

function buildsOf(name: string, env: Environment): string[] {
  const folder = buildFolder(env);
  const builds = existsSync(folder) ? readdirSync(folder) : [];
  return builds.filter((build) => build.startsWith(`${name}-`));
}

function buildFolder(env: Environment): string {
  return join(cacheFolder(env), 'build');
}
