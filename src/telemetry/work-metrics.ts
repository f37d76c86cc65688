/**
 * Metrics of work queues and of the passes they run, under the names of client-go and controller-runtime.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Work queues and the passes they run: what controller-runtime and client-go call a controller. */
export function workMetrics(registry: Registry) {
  const registers = [registry];
  const named = { labelNames: ['name'], registers } as const;
  const controlled = { labelNames: ['controller'], registers } as const;
  const depth = new Gauge({ name: 'workqueue_depth', help: 'Keys that wait for a worker.', ...named });
  const adds = new Counter({ name: 'workqueue_adds_total', help: 'Keys that joined the queue.', ...named });
  const retries = new Counter({ name: 'workqueue_retries_total', help: 'Keys put back after a failure.', ...named });
  const waited = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'How long keys waited for a worker.',
    buckets: QUEUE_BUCKETS,
    ...named,
  });
  const worked = new Histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'How long passes took.',
    buckets: QUEUE_BUCKETS,
    ...named,
  });
  const running = new Map<string, () => number[]>();
  runningGauge(registry, running, {
    name: 'workqueue_unfinished_work_seconds',
    help: 'Sum of how long the passes that run now have run. Grows when one is stuck.',
    of: (runs) => runs.reduce((sum, ms) => sum + ms, 0),
  });
  runningGauge(registry, running, {
    name: 'workqueue_longest_running_processor_seconds',
    help: 'How long the oldest pass that runs now has run.',
    of: (runs) => Math.max(0, ...runs),
  });
  const passes = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Passes by result.',
    labelNames: ['controller', 'result'],
    registers,
  });
  const errors = new Counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Passes that failed, for whatever reason.',
    ...controlled,
  });
  const terminal = new Counter({
    name: 'controller_runtime_terminal_reconcile_errors_total',
    help: 'Passes that failed until somebody changes something.',
    ...controlled,
  });
  const bugs = new Counter({
    name: 'controller_runtime_reconcile_panics_total',
    help: 'Passes that failed in a way nobody foresaw.',
    ...controlled,
  });
  const seconds = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'How long passes took.',
    buckets: PASS_BUCKETS,
    ...controlled,
  });
  const active = new Gauge({ name: 'controller_runtime_active_workers', help: 'Passes that run now.', ...controlled });
  const workers = new Gauge({
    name: 'controller_runtime_max_concurrent_reconciles',
    help: 'Passes that may run at once.',
    ...controlled,
  });
  return {
    /** For one work queue; `runningForMs` is read when metrics are. */
    queue(name: string, workerCount: number, runningForMs: () => number[] = () => []) {
      const controller = name;
      running.set(name, runningForMs);
      workers.set({ controller }, workerCount);
      // From zero on, so that the first failure is an increase and not the birth of a series.
      for (const counter of [errors, terminal, bugs]) {
        counter.inc({ controller }, 0);
      }
      return {
        added(newDepth: number) {
          adds.inc({ name });
          depth.set({ name }, newDepth);
        },
        started(newDepth: number, waitedSeconds: number) {
          depth.set({ name }, newDepth);
          waited.observe({ name }, waitedSeconds);
          active.inc({ controller });
        },
        finished(result: string, took: number, error: 'transient' | 'terminal' | 'bug' | undefined) {
          active.dec({ controller });
          worked.observe({ name }, took);
          seconds.observe({ controller }, took);
          passes.inc({ controller, result });
          errors.inc({ controller }, error === undefined ? 0 : 1);
          terminal.inc({ controller }, error === 'terminal' ? 1 : 0);
          bugs.inc({ controller }, error === 'bug' ? 1 : 0);
        },
        retried() {
          retries.inc({ name });
        },
      };
    },
  };
}

/** A gauge that is computed when metrics are read, from the milliseconds each running pass has taken so far. */
function runningGauge(
  registry: Registry,
  running: ReadonlyMap<string, () => number[]>,
  gauge: { name: string; help: string; of: (runs: number[]) => number },
): void {
  registry.registerMetric(
    new Gauge({
      name: gauge.name,
      help: gauge.help,
      labelNames: ['name'],
      registers: [],
      collect() {
        for (const [name, read] of running) {
          this.set({ name }, gauge.of(read()) / 1000);
        }
      },
    }),
  );
}

/** As client-go: 10 ns to 1000 s, by tens. */
const QUEUE_BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];
/** As controller-runtime. */
const PASS_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
