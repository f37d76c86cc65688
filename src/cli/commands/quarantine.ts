/**
 * `bulkhead quarantine POD`: cuts a pod off by hand, by writing the AgentIncident that asks for it.
 */
import { Command } from 'commander';
import { printable } from '../../api/v1alpha1/display.ts';
import { POD_ID_LABEL, SANDBOX_LABEL } from '../../api/v1alpha1/labels.ts';
import type { AgentIncident, AgentSandbox, KubeObject } from '../../api/v1alpha1/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import { RESOURCES } from '../../kube/resources.ts';
import { newManualIncident } from '../../respond/manual.ts';
import { addClusterOptions, type ClusterAccess, type ClusterOptions, withCluster } from '../cluster.ts';
import { type CommandIo, EXIT, UsageError } from '../io.ts';
import { awaitPhase } from '../phase.ts';

interface QuarantineOptions extends ClusterOptions {
  reason: string;
  wait: string;
}

export function quarantineCommand(io: CommandIo): Command {
  const command = new Command('quarantine')
    .description('Cut a pod off from the network by hand. It keeps running, as evidence, until somebody releases it.')
    .argument('<pod>', 'name of the pod')
    .requiredOption('--reason <text>', 'why; stored in the incident')
    .option('--wait <seconds>', 'how long to wait for containment; 0 does not wait', '15');
  return addClusterOptions(command)
    .addHelpText('after', HELP)
    .action(async (podName: string, options: QuarantineOptions) => {
      await withCluster(io, options, (access) => quarantine(io, access, podName, options));
    });
}

async function quarantine(
  io: CommandIo,
  { client, namespace }: ClusterAccess,
  podName: string,
  options: QuarantineOptions,
): Promise<void> {
  const pod = await client.get<KubeObject>({ resource: RESOURCES.pods, namespace, name: podName });
  if (pod === undefined) {
    throw new UsageError(`no pod ${printable(podName, 253)} in namespace ${namespace}`);
  }
  const sandbox = pod.metadata.labels?.[SANDBOX_LABEL];
  if (sandbox === undefined) {
    throw new UsageError(
      `pod ${printable(podName, 253)} belongs to no AgentSandbox (it has no label ${SANDBOX_LABEL}), so Bulkhead holds no policy for it`,
    );
  }
  await refuseWhenObserving(client, namespace, sandbox);
  const incident = await client.create<AgentIncident>(
    RESOURCES.agentIncidents,
    newManualIncident({
      namespace,
      sandbox,
      pod: { name: podName, uid: pod.metadata.uid ?? '', id: pod.metadata.labels?.[POD_ID_LABEL] },
      reason: options.reason,
      now: new Date(),
    }),
  );
  io.stdout.write(`${incident.metadata.name} asks for the quarantine of pod ${podName}\n`);
  await awaitPhase(io, client, incident, { wanted: 'Contained', seconds: Number(options.wait) });
}

async function refuseWhenObserving(client: KubeClient, namespace: string, name: string): Promise<void> {
  const sandbox = await client.get<AgentSandbox>({ resource: RESOURCES.agentSandboxes, namespace, name });
  if (sandbox?.spec.mode === 'Observe') {
    throw new UsageError(
      `AgentSandbox ${name} is in mode Observe, which cuts nothing; set spec.mode to Enforce first`,
      EXIT.no,
    );
  }
}

const HELP = `
Exit status: 0 contained (or asked for, with --wait 0), 1 not contained in time or refused, 2 usage.

The same with kubectl:
  kubectl create -f - <<EOF
  {apiVersion: bulkhead.dev/v1alpha1, kind: AgentIncident, metadata: {generateName: manual-},
   spec: {sandbox: SANDBOX, pod: {name: POD}, detector: Manual, title: ..., explanation: ...}}
  EOF`;
