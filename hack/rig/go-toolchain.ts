/**
 * Runs the `go` command on the rig's module, the same way for every program in it: one differing flag and Go compiles
 * some thousand shared packages again.
 */
import process from 'node:process';
import { type Environment, GO_MODULE } from './folders.ts';
import { RigError } from './rig-error.ts';
import { type ProgramOptions, type ProgramResult, runProgram } from './run-program.ts';

/** What `kubectl version` shows; `go.mod` requires the same. */
export const KUBERNETES_VERSION = 'v1.36.3';
/** What Cilium and Hubble call themselves; `go.mod` requires the same. */
export const CILIUM_VERSION = '1.20.2';

const VERSION_PACKAGE = 'k8s.io/component-base/version';
/** Cilium wants version, revision and date; a module has no revision. */
const CILIUM_FULL_VERSION = `${CILIUM_VERSION} module 2026-09-15T20:03:11+00:00`;
const LD_FLAGS = [
  '-s -w',
  `-X ${VERSION_PACKAGE}.gitVersion=${KUBERNETES_VERSION}`,
  `-X ${VERSION_PACKAGE}.gitMajor=1`,
  `-X ${VERSION_PACKAGE}.gitMinor=36`,
  `-X 'github.com/cilium/cilium/pkg/version.ciliumVersion=${CILIUM_FULL_VERSION}'`,
  `-X github.com/cilium/cilium/hubble/pkg.Version=${CILIUM_VERSION}`,
].join(' ');

/** The flags that decide what a build produces. `-mod=mod`, because the module drops requirements that nothing here needs. */
export const BUILD_FLAGS: readonly string[] = [
  '-mod=mod',
  '-trimpath',
  '-tags',
  'osusergo,ipam_provider_operator',
  '-gcflags=all=-dwarf=false',
  '-ldflags',
  LD_FLAGS,
];

const GO_OS: Readonly<Record<string, string>> = { win32: 'windows' };
const GO_ARCH: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** The platform as Go names it, such as `linux/amd64`. */
export const GO_PLATFORM = {
  os: GO_OS[process.platform] ?? process.platform,
  arch: GO_ARCH[process.arch] ?? process.arch,
};

/**
 * Runs `go` inside the rig's module; undefined when there is no `go` on PATH.
 */
export function runGo(
  args: readonly string[],
  options: ProgramOptions & { env: Environment },
): Promise<ProgramResult | undefined> {
  return runProgram('go', args, { ...options, cwd: GO_MODULE, env: goEnvironment(options.env) });
}

/** The Go version that builds the module, such as `go1.26.8`; undefined when there is no `go` on PATH. */
export async function goVersion(env: Environment): Promise<string | undefined> {
  const answer = await runGo(['env', 'GOVERSION'], { env });
  if (answer !== undefined && answer.code !== 0) {
    throw new RigError(
      `The Go on PATH cannot build the rig (${lastLine(answer.stderr)}); get a newer one from https://go.dev/dl.`,
    );
  }
  return answer?.stdout.trim();
}

/**
 * A person's own settings must not change what is built. GOFLAGS is set rather than emptied, because an empty one falls
 * back to the file that `go env -w` writes.
 */
function goEnvironment(env: Environment): Environment {
  return {
    ...env,
    GOFLAGS: '-buildvcs=false',
    GO111MODULE: 'on',
    GOWORK: 'off',
    GOOS: GO_PLATFORM.os,
    GOARCH: GO_PLATFORM.arch,
  };
}

/** The line of a program's complaint that says most. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
