/**
 * One call tells everybody: the log, the people who look at the object with kubectl, and the metrics.
 */
import type { Reporter } from '../reconcile/ports.ts';
import type { Logger } from '../telemetry/log.ts';
import type { EventRecorder } from './events.ts';

export interface ReporterOptions {
  log: Logger;
  recorder: Pick<EventRecorder, 'record'>;
  /** Counts, by type and reason. */
  count: (type: string, reason: string) => void;
}

/** @example report(sandbox, { type: 'Warning', reason: 'NameConflict', message: 'NetworkPolicy a/b is not ours' }) */
export function createReporter({ log, recorder, count }: ReporterOptions): Reporter {
  return {
    report: (about, event) => {
      const { kind, namespace, name } = about;
      const fields = { kind, namespace, name, reason: event.reason, detail: event.message };
      if (event.type === 'Warning') {
        log.warn('reported', fields);
      } else {
        log.info('reported', fields);
      }
      recorder.record(about, event);
      count(event.type, event.reason);
    },
  };
}
