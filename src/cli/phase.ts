/**
 * Waits until an incident has reached a phase, telling what happens meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { IncidentPhase } from '../api/v1alpha1/agent-incident.ts';
import { printable } from '../api/v1alpha1/display.ts';
import type { AgentIncident } from '../api/v1alpha1/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { RESOURCES } from '../kube/resources.ts';
import { type CommandIo, EXIT } from './io.ts';

/**
 * Prints each new line of the timeline and ends with exit code 1 when the phase is not reached in time.
 *
 * @param want.seconds - 0 does not wait at all.
 */
export async function awaitPhase(
  io: CommandIo,
  client: KubeClient,
  incident: AgentIncident,
  want: { wanted: IncidentPhase | readonly IncidentPhase[]; seconds: number },
): Promise<void> {
  if (want.seconds <= 0) {
    return;
  }
  const wanted: readonly string[] = [want.wanted].flat();
  const { namespace, name } = incident.metadata;
  const deadline = Date.now() + want.seconds * 1000;
  let seen = incident;
  while (Date.now() < deadline && !io.signal.aborted) {
    const current = await client.get<AgentIncident>({ resource: RESOURCES.agentIncidents, namespace, name });
    if (current !== undefined) {
      tell(io, seen, current);
      seen = current;
    }
    if (wanted.includes(seen.status?.phase ?? '')) {
      return;
    }
    await sleep(POLL_MS);
  }
  const phase = seen.status?.phase ?? 'untouched';
  io.stderr.write(
    `bulkhead: ${name} is ${phase} after ${want.seconds} s, not ${wanted.join(' or ')}; is the operator running? See kubectl describe ainc ${name} -n ${namespace}\n`,
  );
  io.setExitCode(EXIT.no);
}

/** Prints what the timeline has gained. */
function tell(io: CommandIo, before: AgentIncident, after: AgentIncident): void {
  const told = before.status?.timeline?.length ?? 0;
  for (const entry of after.status?.timeline?.slice(told) ?? []) {
    io.stdout.write(`  ${entry.time}  ${printable(`${entry.actor}: ${entry.message}`, 1200)}\n`);
  }
}

/** Milliseconds between two looks. */
const POLL_MS = 100;
