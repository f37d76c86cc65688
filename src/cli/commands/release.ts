/**
 * `bulkhead release INCIDENT --reason …`: adds the caller's approval; Bulkhead lets the pod go when there are enough.
 */
import { Command } from 'commander';
import { isApiStatus } from '../../api/errors.ts';
import { printable } from '../../api/v1alpha1/display.ts';
import type { AgentIncident, AgentSandbox } from '../../api/v1alpha1/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import { RESOURCES } from '../../kube/resources.ts';
import { DEFAULT_RELEASE_TERMS, isClosed } from '../../respond/hold.ts';
import { addClusterOptions, type ClusterAccess, type ClusterOptions, withCluster } from '../cluster.ts';
import { type CommandIo, EXIT, UsageError } from '../io.ts';
import { awaitPhase } from '../phase.ts';

interface ReleaseOptions extends ClusterOptions {
  reason: string;
  wait: string;
}

export function releaseCommand(io: CommandIo): Command {
  const command = new Command('release')
    .description('Approve the release of a quarantined pod, or dismiss an incident that cut nothing.')
    .argument('<incident>', 'name of the AgentIncident')
    .requiredOption('--reason <text>', 'why the pod may be let go; stored with your name')
    .option('--wait <seconds>', 'how long to wait for the release; 0 does not wait', '15');
  return addClusterOptions(command)
    .addHelpText('after', HELP)
    .action(async (name: string, options: ReleaseOptions) => {
      await withCluster(io, options, (access) => release(io, access, name, options));
    });
}

async function release(
  io: CommandIo,
  { client, namespace }: ClusterAccess,
  name: string,
  options: ReleaseOptions,
): Promise<void> {
  const incident = await client.get<AgentIncident>({ resource: RESOURCES.agentIncidents, namespace, name });
  if (incident === undefined) {
    throw new UsageError(`no AgentIncident ${printable(name, 253)} in namespace ${namespace}`);
  }
  if (isClosed(incident)) {
    io.stdout.write(`${name} is ${incident.status?.phase} already\n`);
    return;
  }
  const approved = await approve(client, incident, options.reason);
  const approvals = approved.status?.approvals ?? [];
  const needed = await neededApprovals(client, incident);
  const approver = printable(approvals.at(-1)?.approver ?? 'you', 256);
  io.stdout.write(`approved as ${approver}: ${approvals.length} of ${needed} approvals\n`);
  if (approvals.length >= needed) {
    await awaitPhase(io, client, approved, { wanted: ['Released', 'Dismissed'], seconds: Number(options.wait) });
  }
}

/** Adds one approval. Who gives it is stamped by admission from the authenticated caller, never by this program. */
async function approve(client: KubeClient, incident: AgentIncident, reason: string): Promise<AgentIncident> {
  const { namespace, name } = incident.metadata;
  const ref = { resource: RESOURCES.agentIncidents, namespace, name };
  if (incident.status?.approvals === undefined) {
    throw new UsageError(
      `${name} has no status yet; the operator writes it when it first sees the incident. Is it running?`,
      EXIT.no,
    );
  }
  const body = [{ op: 'add', path: '/status/approvals/-', value: { reason } }];
  try {
    return await client.patch<AgentIncident>(ref, { type: 'json', body }, { subresource: 'status' });
  } catch (error) {
    if (isApiStatus(error, 422)) {
      throw new UsageError(`the approval was refused: ${error.message}`, EXIT.no);
    }
    throw error;
  }
}

async function neededApprovals(client: KubeClient, incident: AgentIncident): Promise<number> {
  const { namespace } = incident.metadata;
  const ref = { resource: RESOURCES.agentSandboxes, namespace, name: incident.spec.sandbox };
  const sandbox = await client.get<AgentSandbox>(ref);
  return sandbox?.spec.response.release.approvals ?? DEFAULT_RELEASE_TERMS.approvals;
}

const HELP = `
Exit status: 0 approved (and released, when yours was the last approval needed), 1 refused or not released in time, 2 usage.

You need the RBAC verb "release" on agentincidents (ClusterRole bulkhead-responder). The same with kubectl:
  kubectl patch ainc NAME --subresource=status --type=json \\
    -p '[{"op":"add","path":"/status/approvals/-","value":{"reason":"checked: CI job"}}]'`;
