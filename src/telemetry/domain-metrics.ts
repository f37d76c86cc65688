/**
 * Metrics of the work itself: flows, findings, incidents, and how fast one led to the next.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { REQUEST_BUCKETS } from './buckets.ts';

/** A flow source as far as its metrics go; flows/flow.ts has the whole. */
interface SourceCounts {
  connected: boolean;
  lastFlowTimeMs: number | undefined;
  received: number;
  duplicates: number;
  lost: number;
  undecodable: number;
}

/** Stages between a flow and a pod that is cut off. Each is measured from the stage before. */
export const STAGES = ['flow_to_finding', 'finding_to_incident', 'incident_to_policy', 'policy_to_label'] as const;
export type Stage = (typeof STAGES)[number];

/** Findings, incidents and how fast they were acted on. */
export function domainMetrics(registry: Registry) {
  const registers = [registry];
  const findings = new Counter({
    name: 'bulkhead_findings_total',
    help: 'Findings by detector and the action they reached.',
    labelNames: ['detector', 'action'],
    registers,
  });
  const stages = new Histogram({
    name: 'bulkhead_stage_duration_seconds',
    help: 'Time from one stage of a quarantine to the next.',
    labelNames: ['stage'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const incidents = new Gauge({
    name: 'bulkhead_incidents',
    help: 'AgentIncidents by phase.',
    labelNames: ['phase'],
    registers,
  });
  const pods = new Gauge({
    name: 'bulkhead_pods',
    help: 'Agent pods by state: governed, quarantined.',
    labelNames: ['state'],
    registers,
  });
  return {
    found(detector: string, action: string) {
      findings.inc({ detector, action });
    },
    stage(stage: Stage, took: number) {
      stages.observe({ stage }, took);
    },
    /** Replaces the counts by phase. */
    setIncidents(counts: Readonly<Record<string, number>>) {
      incidents.reset();
      for (const [phase, count] of Object.entries(counts)) {
        incidents.set({ phase }, count);
      }
    },
    setPods(counts: Readonly<Record<string, number>>) {
      pods.reset();
      for (const [state, count] of Object.entries(counts)) {
        pods.set({ state }, count);
      }
    },
  };
}

/** Flow sources count for themselves; they are asked when metrics are read. */
export function sourceMetrics(registry: Registry) {
  let read: () => readonly { name: string; health: SourceCounts }[] = () => [];
  const define = (name: string, help: string, value: (counts: SourceCounts) => number | undefined): void => {
    const Kind = name.endsWith('_total') ? Counter : Gauge;
    registry.registerMetric(
      new Kind({
        name,
        help,
        labelNames: ['source'],
        registers: [],
        collect() {
          this.reset();
          for (const { name: source, health } of read()) {
            const count = value(health);
            if (count !== undefined) {
              this.inc({ source }, count);
            }
          }
        },
      }),
    );
  };
  define('bulkhead_flow_source_connected', 'Whether the source delivers.', ({ connected }) => (connected ? 1 : 0));
  define('bulkhead_flow_source_flows_total', 'Flows received.', ({ received }) => received);
  define('bulkhead_flow_source_duplicates_total', 'Flows that came twice.', ({ duplicates }) => duplicates);
  define('bulkhead_flow_source_lost_total', 'Flows that were lost before us.', ({ lost }) => lost);
  define('bulkhead_flow_source_undecodable_total', 'Messages that were no flow.', ({ undecodable }) => undecodable);
  define('bulkhead_flow_source_last_flow_timestamp_seconds', 'Event time of the newest flow.', ({ lastFlowTimeMs }) =>
    lastFlowTimeMs === undefined ? undefined : lastFlowTimeMs / 1000,
  );
  return {
    /** @param coverage - what the sources say of themselves. */
    watchSources(coverage: typeof read) {
      read = coverage;
    },
  };
}
