import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

/** The samples of the exposition, without comments. */
async function samples(metrics: ReturnType<typeof createMetrics>, prefix: string): Promise<string[]> {
  const { body } = await metrics.expose();
  return body.split('\n').filter((line) => line.startsWith(prefix));
}

describe('metrics', () => {
  it('of a pass that failed by a bug', async () => {
    const metrics = createMetrics({ runtime: false });
    const queue = metrics.queue('sandbox', 4, () => [1500, 500]);
    queue.added(1);
    queue.started(0, 0.2);
    queue.finished('error', 0.03, 'bug');
    queue.retried();
    expect(await samples(metrics, 'controller_runtime_reconcile_')).toEqual(
      expect.arrayContaining([
        'controller_runtime_reconcile_total{controller="sandbox",result="error"} 1',
        'controller_runtime_reconcile_errors_total{controller="sandbox"} 1',
        'controller_runtime_reconcile_panics_total{controller="sandbox"} 1',
        'controller_runtime_reconcile_time_seconds_bucket{le="0.05",controller="sandbox"} 1',
        'controller_runtime_reconcile_time_seconds_bucket{le="0.025",controller="sandbox"} 0',
      ]),
    );
    expect(await samples(metrics, 'workqueue_')).toEqual(
      expect.arrayContaining([
        'workqueue_depth{name="sandbox"} 0',
        'workqueue_adds_total{name="sandbox"} 1',
        'workqueue_retries_total{name="sandbox"} 1',
        'workqueue_unfinished_work_seconds{name="sandbox"} 2',
        'workqueue_longest_running_processor_seconds{name="sandbox"} 1.5',
      ]),
    );
    expect(await samples(metrics, 'controller_runtime_active_workers')).toEqual([
      'controller_runtime_active_workers{controller="sandbox"} 0',
    ]);
  });

  it('of terminal errors are there from the start', async () => {
    const metrics = createMetrics({ runtime: false });
    metrics.queue('sandbox', 1);
    expect(await samples(metrics, 'controller_runtime_terminal')).toEqual([
      'controller_runtime_terminal_reconcile_errors_total{controller="sandbox"} 0',
    ]);
  });

  it('of flow sources are what the sources say when asked', async () => {
    const metrics = createMetrics({ runtime: false });
    const health = { connected: true, lastFlowTimeMs: 2000, received: 7, duplicates: 1, lost: 0, undecodable: 2 };
    metrics.watchSources(() => [{ name: 'relay', health }]);
    await metrics.expose();
    health.received = 9;
    expect(await samples(metrics, 'bulkhead_flow_source_')).toEqual([
      'bulkhead_flow_source_connected{source="relay"} 1',
      'bulkhead_flow_source_flows_total{source="relay"} 9',
      'bulkhead_flow_source_duplicates_total{source="relay"} 1',
      'bulkhead_flow_source_lost_total{source="relay"} 0',
      'bulkhead_flow_source_undecodable_total{source="relay"} 2',
      'bulkhead_flow_source_last_flow_timestamp_seconds{source="relay"} 2',
    ]);
  });

  it('of incidents forget a phase that has none left', async () => {
    const metrics = createMetrics({ runtime: false });
    metrics.setIncidents({ Open: 2 });
    metrics.setIncidents({ Contained: 2 });
    expect(await samples(metrics, 'bulkhead_incidents')).toEqual(['bulkhead_incidents{phase="Contained"} 2']);
  });

  it('of admission count reviews by status', async () => {
    const metrics = createMetrics({ runtime: false });
    metrics.webhook.answered({ path: '/validate-pod', status: 200, durationMs: 4 });
    expect(await samples(metrics, 'controller_runtime_webhook_')).toEqual(
      expect.arrayContaining([
        'controller_runtime_webhook_requests_total{webhook="/validate-pod",code="200"} 1',
        'controller_runtime_webhook_latency_seconds_bucket{le="0.0025",webhook="/validate-pod"} 0',
        'controller_runtime_webhook_latency_seconds_bucket{le="0.005",webhook="/validate-pod"} 1',
      ]),
    );
  });

  it('are all in docs/metrics.md, and no others', async () => {
    const documented = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const names = (await createMetrics({ runtime: false }).registry.getMetricsAsJSON()).map(({ name }) => name);
    expect(new Set([...documented.matchAll(/^\| `([a-z_]+)`/gm)].map(([, name]) => name))).toEqual(new Set(names));
  });

  it('take no label that an agent may choose', async () => {
    const registry = createMetrics({ runtime: false }).registry;
    const labels = registry
      .getMetricsAsArray()
      .flatMap((metric) => (metric as { labelNames?: string[] }).labelNames ?? []);
    const allowed =
      'action certificate code controller detector host method name phase reason resource result source stage state type verb webhook';
    expect([...new Set(labels)].toSorted().join(' ')).toBe(allowed);
  });
});
