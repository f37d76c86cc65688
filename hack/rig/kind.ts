/**
 * A control plane in Docker by kind, for machines that have both and no build of our own yet: a cluster in a minute
 * instead of a build of several.
 */
import { join } from 'node:path';
import type { Environment } from './folders.ts';
import { RigError } from './rig-error.ts';
import { runProgram } from './run-program.ts';

/** Docker's client waits long for an engine that is not there. */
const ENGINE_TIMEOUT_MS = 5_000;
const READY_TIMEOUT = '180s';

/** Whether kind is on PATH and a Docker engine answers. */
export async function hasKind(env: Environment): Promise<boolean> {
  const kind = await runProgram('kind', ['version'], { env });
  return kind?.code === 0 && (await engineAnswers(env));
}

/** Creates the cluster and its kubeconfig in `folder`. */
export async function createKindCluster(name: string, folder: string): Promise<string> {
  const kubeconfigPath = join(folder, 'kubeconfig');
  const args = [
    'create',
    'cluster',
    '--name',
    clusterName(name),
    '--kubeconfig',
    kubeconfigPath,
    '--wait',
    READY_TIMEOUT,
  ];
  const answer = await runProgram('kind', args);
  if (answer?.code !== 0) {
    throw new RigError(`kind could not create a cluster: ${answer?.stderr.trim() ?? 'it is not on PATH'}`);
  }
  return kubeconfigPath;
}

/** Deletes the cluster; no cluster of that name is fine. */
export async function deleteKindCluster(name: string): Promise<void> {
  const answer = await runProgram('kind', ['delete', 'cluster', '--name', clusterName(name)]);
  if (answer !== undefined && answer.code !== 0) {
    throw new RigError(`kind could not delete the cluster ${clusterName(name)}: ${answer.stderr.trim()}`);
  }
}

/** The address of this machine as seen from inside kind's network, where webhooks of the machine are reached. */
export async function kindGateway(): Promise<string> {
  const format = '{{range .IPAM.Config}}{{.Gateway}}{{"\\n"}}{{end}}';
  const answer = await runProgram('docker', ['network', 'inspect', 'kind', '--format', format]);
  const gateway = answer?.stdout.split('\n').find((address) => /^\d+\.\d+\.\d+\.\d+$/.test(address));
  if (gateway === undefined) {
    throw new RigError(
      'The Docker network "kind" has no IPv4 gateway, so webhooks of this machine cannot be reached from it.',
    );
  }
  return gateway;
}

function clusterName(name: string): string {
  return `bulkhead-${name}`;
}

async function engineAnswers(env: Environment): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(ENGINE_TIMEOUT_MS);
    const answer = await runProgram('docker', ['version', '--format', '{{.Server.Version}}'], { env, signal });
    return answer?.code === 0;
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') {
      return false;
    }
    throw error;
  }
}
