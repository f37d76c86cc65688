/**
 * From finding to record: a queue that stores the newest state of every finding as an AgentIncident and then wakes the
 * sandbox, so that the deed follows the record within the same moment.
 */
import type { Finding } from '../../detect/finding.ts';
import type { Clock } from '../../kube/clock.ts';
import { WorkQueue } from '../../kube/work-queue.ts';
import { type RecordPorts, type RecordResult, recordFinding } from '../../reconcile/record-finding.ts';
import type { Logger } from '../../telemetry/log.ts';

export interface FindingQueueOptions {
  ports: RecordPorts;
  clock: Clock;
  log: Logger;
  /** Called after a record was created or raised, so many seconds after the finding was added. */
  onRecorded: (finding: Finding, result: RecordResult, seconds: number) => void;
}

export interface FindingQueue {
  add(finding: Finding): void;
  start(): void;
  stop(drainMs: number): Promise<boolean>;
}

export function createFindingQueue(options: FindingQueueOptions): FindingQueue {
  /** Newest state of findings that wait. Bounded by the engine, which bounds the open findings of a pod. */
  const waiting = new Map<string, { finding: Finding; sinceMs: number }>();
  const queue = new WorkQueue({
    name: 'finding',
    workers: WORKERS,
    clock: options.clock,
    log: options.log,
    handle: async (key) => {
      const taken = waiting.get(key);
      if (taken === undefined) {
        return undefined;
      }
      const result = await recordFinding(taken.finding, options.ports);
      if (waiting.get(key) === taken) {
        waiting.delete(key);
      }
      if (result === 'Created' || result === 'Escalated') {
        options.onRecorded(taken.finding, result, (options.clock.nowMs() - taken.sinceMs) / 1000);
      }
      return undefined;
    },
  });
  return {
    add: (finding) => {
      waiting.set(finding.key, { finding, sinceMs: options.clock.nowMs() });
      queue.add(finding.key);
    },
    start: () => queue.start(),
    stop: (drainMs) => queue.stop(drainMs),
  };
}

/** Findings stored at once: enough that one slow write does not delay the others, few enough to spare the API server. */
const WORKERS = 4;
