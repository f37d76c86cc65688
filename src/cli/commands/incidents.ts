/**
 * `bulkhead incidents`: lists AgentIncidents, or shows one with its evidence and timeline.
 */
import { Command, Option } from 'commander';
import { printable } from '../../api/v1alpha1/display.ts';
import type { AgentIncident } from '../../api/v1alpha1/types.ts';
import { RESOURCES } from '../../kube/resources.ts';
import { isClosed } from '../../respond/hold.ts';
import { addClusterOptions, type ClusterOptions, withCluster } from '../cluster.ts';
import { type CommandIo, EXIT, UsageError } from '../io.ts';
import { table } from '../table.ts';

interface IncidentsOptions extends ClusterOptions {
  allNamespaces?: boolean;
  open?: boolean;
  output: 'table' | 'json';
}

export function incidentsCommand(io: CommandIo): Command {
  const command = new Command('incidents')
    .description('List what was found, or show one incident with its evidence, its timeline and how to release it.')
    .argument('[name]', 'incident to show')
    .option('-A, --all-namespaces', 'list all namespaces')
    .option('--open', 'only those that nobody has released or dismissed')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table'));
  return addClusterOptions(command)
    .addHelpText('after', '\nThe same with kubectl: kubectl get ainc [-A]; kubectl describe ainc NAME')
    .action(async (name: string | undefined, options: IncidentsOptions) => {
      await withCluster(io, options, async ({ client, namespace }) => {
        if (name !== undefined) {
          const found = await client.get<AgentIncident>({ resource: RESOURCES.agentIncidents, namespace, name });
          if (found === undefined) {
            throw new UsageError(`no AgentIncident ${printable(name, 253)} in namespace ${namespace}`, EXIT.no);
          }
          io.stdout.write(options.output === 'json' ? json(found) : describeIncident(found));
          return;
        }
        const scope = options.allNamespaces === true ? {} : { namespace };
        const all = await client.list<AgentIncident>(RESOURCES.agentIncidents, scope);
        const shown = all.filter((incident) => options.open !== true || !isClosed(incident)).sort(newestFirst);
        io.stdout.write(options.output === 'json' ? json({ items: shown }) : listIncidents(shown));
      });
    });
}

function listIncidents(incidents: readonly AgentIncident[]): string {
  if (incidents.length === 0) {
    return 'No incidents.\n';
  }
  const rows = incidents.map(({ metadata, spec, status }) => [
    metadata.namespace ?? '',
    metadata.name,
    spec.detector,
    spec.pod.name,
    String(spec.score),
    spec.response,
    status?.phase ?? 'New',
    metadata.creationTimestamp ?? '',
  ]);
  return table(['NAMESPACE', 'NAME', 'DETECTOR', 'POD', 'SCORE', 'RESPONSE', 'PHASE', 'CREATED'], rows);
}

/** Everything a person needs to decide, in the order in which they ask. */
export function describeIncident(incident: AgentIncident): string {
  const { metadata, spec, status } = incident;
  const lines = [
    `${metadata.namespace}/${metadata.name}: ${spec.title}`,
    `  ${spec.explanation}`,
    '',
    ...facts(incident),
    '',
    'Evidence',
    ...spec.evidence.map(
      (e) => `  ${e.points} points  ${e.signal}: ${e.value} (from ${e.threshold}; ${e.source ?? ''})`,
    ),
    'Flows',
    ...spec.flows.map(
      (f) => `  ${f.time}  ${f.verdict} ${f.protocol}  ${f.source} -> ${f.destination} ${f.name ?? ''}`,
    ),
    'Timeline',
    ...(status?.timeline ?? []).map((entry) => `  ${entry.time}  ${entry.actor}: ${entry.message}`),
  ];
  if (!isClosed(incident)) {
    lines.push('', `Let go with: bulkhead release ${metadata.name} -n ${metadata.namespace} --reason "..."`);
  }
  return `${lines.map((line) => printable(line, 4096)).join('\n')}\n`;
}

function facts({ spec, status = {} }: AgentIncident): string[] {
  const node = spec.pod.node === undefined ? '' : `, node ${spec.pod.node}`;
  const reason = spec.responseReason === undefined ? '' : ` (${spec.responseReason})`;
  const lastSeen = status.lastSeen ?? spec.lastSeen ?? '?';
  return [
    `Pod        ${spec.pod.name} (sandbox ${spec.sandbox}${node})`,
    `Phase      ${status.phase ?? 'New'}; response ${spec.response}${reason}`,
    `Score      ${spec.score} of 100 (${spec.severity}), confidence ${spec.confidence}; the pod in all ${spec.podScore}`,
    `ATT&CK     ${[...spec.attack, ...spec.atlas].join(', ') || 'none'}`,
    `Seen       ${spec.firstSeen ?? '?'} to ${lastSeen}, ${status.count ?? 1} times`,
  ];
}

function newestFirst(a: AgentIncident, b: AgentIncident): number {
  return (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '');
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
