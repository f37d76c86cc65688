/**
 * Every metric Bulkhead exposes; docs/metrics.md lists them.
 *
 * `controller_runtime_*`, `workqueue_*`, `rest_client_*` and `leader_election_*` have the names, labels and units that
 * dashboards for Kubernetes controllers expect; ours are `bulkhead_*` in base units. No label takes a pod's name or
 * anything else an agent may choose. The edges do not know this file: they are handed the functions they call.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { apiMetrics, webhookMetrics } from './api-metrics.ts';
import { domainMetrics, sourceMetrics } from './domain-metrics.ts';
import { workMetrics } from './work-metrics.ts';

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * @param options.runtime - also expose CPU, memory, event loop and garbage collection of the process. Off in tests.
 * @example const metrics = createMetrics({ runtime: true }); new WorkQueue({ …, observe: metrics.queue('sandbox', 4) });
 */
export function createMetrics(options: { runtime: boolean }) {
  const registry = new Registry();
  if (options.runtime) {
    collectDefaultMetrics({ register: registry });
  }
  return {
    registry,
    ...workMetrics(registry),
    ...apiMetrics(registry),
    ...webhookMetrics(registry),
    ...domainMetrics(registry),
    ...sourceMetrics(registry),
    /** For the HTTP server: the text and its content type. */
    async expose(): Promise<{ contentType: string; body: string }> {
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}
