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
  const wanted = [want.wanted].flat();
  const { namespace, name } = incident.metadata;
  const deadline = Date.now() + want.seconds * 1000;
  let told = incident.status?.timeline?.length ?? 0;
  let phase: IncidentPhase | undefined;
  while (Date.now() < deadline && !io.signal.aborted) {
    const current = await client.get<AgentIncident>({ resource: RESOURCES.agentIncidents, namespace, name });
    for (const entry of current?.status?.timeline?.slice(told) ?? []) {
      io.stdout.write(`  ${entry.time}  ${printable(`${entry.actor}: ${entry.message}`, 1200)}\n`);
    }
    told = Math.max(told, current?.status?.timeline?.length ?? 0);
    phase = current?.status?.phase;
    if (phase !== undefined && wanted.includes(phase)) {
      return;
    }
    await sleep(POLL_MS);
  }
  io.stderr.write(
    `bulkhead: ${name} is ${phase ?? 'untouched'} after ${want.seconds} s, not ${wanted.join(' or ')}; is the operator running? See kubectl describe ainc ${name} -n ${namespace}\n`,
  );
  io.setExitCode(EXIT.no);
}

/** Milliseconds between two looks. */
const POLL_MS = 100;
