/**
 * What the leader does: sandboxes are made true, flows are judged, findings are recorded and acted on.
 */

import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { FIELD_MANAGER, QUARANTINE_LABEL, SANDBOX_LABEL } from '../../api/v1alpha1/labels.ts';
import type { AgentIncident } from '../../api/v1alpha1/types.ts';
import type { OperatorConfig } from '../../config/config.ts';
import { createEngine } from '../../detect/engine.ts';
import { DETECTORS } from '../../detect/registry.ts';
import { createApplier } from '../../kube/apply.ts';
import type { Clock } from '../../kube/clock.ts';
import { createPolicyPort } from '../../kube/policy-port.ts';
import { createIncidentPort, createPodPort, createSandboxPort } from '../../kube/record-ports.ts';
import { createWorldReader, type WorldOptions } from '../../kube/world.ts';
import type { Ports, Reporter } from '../../reconcile/ports.ts';
import { isClosed } from '../../respond/hold.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { newPodId } from './admission.ts';
import type { Cluster } from './cluster.ts';
import { createFindingQueue } from './findings.ts';
import { createFlowPipeline } from './flow-pipeline.ts';
import { createPodIndex } from './pod-index.ts';
import { createEchoFilter } from './quarantine-echo.ts';
import { createReconciler, type Reconciler } from './reconciler.ts';

export interface CoreOptions {
  config: OperatorConfig;
  cluster: Cluster;
  stdin: Readable;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  createStore: WorldOptions['createStore'];
  reporter: Reporter;
  onNamespaces: () => void;
}

export interface Core {
  reconciler: Reconciler;
  start(): void;
  /** Brings the gauges up to date; call before metrics are read. */
  measure(): void;
  stop(drainMs: number): Promise<void>;
}

/** @throws FlowSourceError for a flow address that cannot be one. */
export function createCore(options: CoreOptions): Core {
  const { config, cluster, clock, log, metrics } = options;
  const { client } = cluster;
  const reconciler = createReconciler({
    createStore: options.createStore,
    hasCilium: cluster.hasCilium,
    workers: config.workers,
    clock,
    log,
    observe: (runningForMs) => metrics.queue('sandbox', config.workers, runningForMs),
    ports: () => ports,
    onPodGone: (pod) => engine.forget(pod.uid),
    onNamespaces: () => {
      flows.watch(sandboxNamespaces(reconciler));
      options.onNamespaces();
    },
    onIncident: (incident, previous) => {
      observeStages(metrics, incident, previous);
      if (isNewlyClosed(incident, previous)) {
        engine.forget(incident.spec.pod.uid ?? '');
      }
    },
  });
  const { stores } = reconciler;
  const incidents = createIncidentPort(client, stores);
  const world = createWorldReader(stores, cluster.engine);
  const engine = createEngine({
    resolve: createPodIndex(stores),
    detectors: DETECTORS,
    limits: { latenessMs: config.lateness },
    // Unpredictable, so that no pod can make its neighbours' entries collide.
    hashKey: randomBytes(4).readUInt32LE(),
    onFinding: (finding) => {
      metrics.found(finding.detector, finding.action);
      metrics.stage('flow_to_finding', flows.secondsSince(finding.raisedAtMs));
      findings.add(finding);
    },
  });
  const flows = createFlowPipeline({
    addresses: config.flows,
    stdin: options.stdin,
    engine,
    isEcho: createEchoFilter(stores),
    clock,
    log,
  });
  metrics.watchSources(flows.coverage);
  const ports: Ports = {
    world,
    policies: createPolicyPort(client, createApplier({ client, fieldManager: FIELD_MANAGER }), stores),
    pods: createPodPort(client, stores),
    incidents,
    sandboxes: createSandboxPort(client, stores),
    reporter: options.reporter,
    coverage: flows.coverage,
    clock: { now: () => new Date(clock.nowMs()) },
    newPodId,
  };
  const findings = createFindingQueue({
    ports,
    clock,
    log,
    onRecorded: ({ pod }, _result, seconds) => {
      metrics.stage('finding_to_incident', seconds);
      reconciler.wake(pod.namespace, pod.sandbox);
    },
  });
  return {
    reconciler,
    start: () => {
      reconciler.queue.start();
      findings.start();
      flows.watch(sandboxNamespaces(reconciler));
      flows.start();
    },
    measure: () => {
      metrics.setIncidents(countBy(stores.incidents.list(), ({ status }) => status?.phase ?? 'New'));
      metrics.setPods(
        countBy(
          stores.pods.list().filter(({ labels }) => labels[SANDBOX_LABEL] !== undefined),
          ({ labels }) => (labels[QUARANTINE_LABEL] === undefined ? 'governed' : 'quarantined'),
        ),
      );
    },
    stop: async (drainMs) => {
      await flows.stop();
      await findings.stop(drainMs);
      await reconciler.queue.stop(drainMs);
    },
  };
}

function sandboxNamespaces({ stores }: Reconciler): string[] {
  return [...new Set(stores.sandboxes.list().map(({ metadata }) => metadata.namespace ?? ''))].sort();
}

/** After a release the pod starts with a clean slate: what it did before is in the record, and must not count twice. */
function isNewlyClosed(incident: AgentIncident, previous: AgentIncident | undefined): boolean {
  return isClosed(incident) && previous !== undefined && !isClosed(previous);
}

/** Times between the stages of a quarantine, each counted once, when the incident first shows it. */
function observeStages(metrics: Metrics, incident: AgentIncident, previous: AgentIncident | undefined): void {
  if (previous === undefined) {
    return;
  }
  const [after, before] = [stagesOf(incident), stagesOf(previous)];
  if (before.applied === undefined && after.applied !== undefined && after.opened !== undefined) {
    metrics.stage('incident_to_policy', secondsBetween(after.opened, after.applied));
  }
  if (before.labelled === undefined && after.labelled !== undefined && after.applied !== undefined) {
    metrics.stage('policy_to_label', secondsBetween(after.applied, after.labelled));
  }
}

function stagesOf({ status = {} }: AgentIncident) {
  const { appliedAt: applied, labelledAt: labelled } = status.quarantine ?? {};
  return { opened: status.timeline?.[0]?.time, applied, labelled };
}

function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) {
    counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  }
  return counts;
}
