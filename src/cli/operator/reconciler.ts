/**
 * Wakes the right sandboxes when something changes, and runs their passes.
 */
import { SANDBOX_LABEL } from '../../api/v1alpha1/labels.ts';
import type { AgentIncident } from '../../api/v1alpha1/types.ts';
import type { Clock } from '../../kube/clock.ts';
import type { QueueObserver } from '../../kube/work-queue.ts';
import { WorkQueue } from '../../kube/work-queue.ts';
import { createWorldStores, type WorldOptions, type WorldStores } from '../../kube/world.ts';
import { selects } from '../../reconcile/claim.ts';
import type { PodView, Ports } from '../../reconcile/ports.ts';
import { reconcileSandbox } from '../../reconcile/sandbox.ts';
import type { Logger } from '../../telemetry/log.ts';

export interface ReconcilerOptions {
  createStore: WorldOptions['createStore'];
  hasCilium: boolean;
  workers: number;
  clock: Clock;
  log: Logger;
  observe?: (runningForMs: () => number[]) => QueueObserver;
  /** The ports need the stores, the stores wake the queue, the queue runs passes through the ports. */
  ports: () => Ports;
  /** A pod is gone, or another has its name. */
  onPodGone: (pod: PodView) => void;
  /** The set of namespaces that hold a sandbox may have changed. */
  onNamespaces: () => void;
  onIncident: (incident: AgentIncident, previous: AgentIncident | undefined) => void;
}

export interface Reconciler {
  stores: WorldStores;
  queue: WorkQueue;
  wake(namespace: string, name: string): void;
}

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const running: { forMs: () => number[] } = { forMs: () => [] };
  const queue = new WorkQueue({
    name: 'sandbox',
    workers: options.workers,
    clock: options.clock,
    log: options.log,
    ...(options.observe === undefined ? {} : { observe: options.observe(() => running.forMs()) }),
    handle: (key) => reconcileSandbox(parseKey(key), options.ports()),
  });
  running.forMs = () => queue.runningForMs();
  const wake = (namespace: string, name: string): void => queue.add(`${namespace}/${name}`);
  const stores: WorldStores = createWorldStores({
    createStore: options.createStore,
    hasCilium: options.hasCilium,
    onSandbox: wake,
    onPod: (pod, previous) => {
      if (previous !== undefined && pod?.uid !== previous.uid) {
        options.onPodGone(previous);
      }
      for (const name of governorsOf(stores, pod, previous)) {
        wake((pod ?? previous)?.namespace ?? '', name);
      }
    },
    onNamespace: (namespace) => {
      options.onNamespaces();
      for (const { metadata } of stores.sandboxes.list(namespace)) {
        wake(namespace, metadata.name);
      }
    },
    onCluster: () => {
      for (const { metadata } of stores.sandboxes.list()) {
        wake(metadata.namespace ?? '', metadata.name);
      }
    },
    onIncident: (incident, previous) => {
      // The sandbox that governs the pod may be another than the one the incident was opened for.
      const { namespace = '' } = incident.metadata;
      const governor = stores.pods.get(namespace, incident.spec.pod.name)?.labels[SANDBOX_LABEL];
      if (governor !== undefined) {
        wake(namespace, governor);
      }
      options.onIncident(incident, previous);
    },
  });
  return { stores, queue, wake };
}

/** Sandboxes a change of a pod matters to: those that stamped it, and those that select it. */
function governorsOf(stores: WorldStores, pod: PodView | undefined, previous: PodView | undefined): Set<string> {
  const names = new Set<string>();
  for (const version of [pod, previous]) {
    const stamp = version?.labels[SANDBOX_LABEL];
    if (stamp !== undefined) {
      names.add(stamp);
    }
  }
  if (pod !== undefined) {
    for (const sandbox of stores.sandboxes.list(pod.namespace).filter((one) => selects(one, pod))) {
      names.add(sandbox.metadata.name);
    }
  }
  return names;
}

function parseKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
