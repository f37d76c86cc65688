/**
 * Metrics of what passes between us and the API server: our requests and watches, and its admission reviews.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { REQUEST_BUCKETS } from './buckets.ts';

/** Requests to the API server, watches, leadership, Events. */
export function apiMetrics(registry: Registry) {
  const registers = [registry];
  const requests = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server; code 0 means no answer.',
    labelNames: ['code', 'method', 'host'],
    registers,
  });
  const duration = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'Time until the headers of an answer were there.',
    labelNames: ['verb', 'host'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const watchFailures = new Counter({
    name: 'bulkhead_watch_failures_total',
    help: 'Watches or lists that ended in an error and were begun again.',
    labelNames: ['resource', 'code'],
    registers,
  });
  const lists = new Histogram({
    name: 'bulkhead_list_duration_seconds',
    help: 'How long a complete list took.',
    labelNames: ['resource'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const leader = new Gauge({
    name: 'leader_election_master_status',
    help: 'Whether this replica is the leader.',
    labelNames: ['name'],
    registers,
  });
  const events = new Counter({
    name: 'bulkhead_events_total',
    help: 'What was reported about objects, by type and reason.',
    labelNames: ['type', 'reason'],
    registers,
  });
  const dropped = new Counter({
    name: 'bulkhead_events_dropped_total',
    help: 'Kubernetes Events that were not written: too many, or no answer.',
    registers,
  });
  return {
    /** For KubeClient. */
    request(call: { method: string; host: string; status: number; seconds: number }) {
      const { method, host } = call;
      requests.inc({ code: String(call.status), method, host });
      duration.observe({ verb: method, host }, call.seconds);
    },
    /** For the operator's watches. */
    watches: {
      watchFailed(resource: { plural: string }, code: string) {
        watchFailures.inc({ resource: resource.plural, code });
      },
      listed(resource: { plural: string }, took: number) {
        lists.observe({ resource: resource.plural }, took);
      },
    },
    leads(name: string, isLeader: boolean) {
      leader.set({ name }, isLeader ? 1 : 0);
    },
    /** For the reporter. */
    reported(type: string, reason: string) {
      events.inc({ type, reason });
    },
    eventDropped() {
      dropped.inc();
    },
  };
}

/** Admission, under the names that controller-runtime gives its webhooks. */
export function webhookMetrics(registry: Registry) {
  const registers = [registry];
  const latency = new Histogram({
    name: 'controller_runtime_webhook_latency_seconds',
    help: 'How long admission reviews took.',
    labelNames: ['webhook'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const requests = new Counter({
    name: 'controller_runtime_webhook_requests_total',
    help: 'Admission reviews by HTTP status.',
    labelNames: ['webhook', 'code'],
    registers,
  });
  const expiry = new Gauge({
    name: 'bulkhead_certificate_expiry_timestamp_seconds',
    help: 'When the certificate ends, in seconds since the epoch.',
    labelNames: ['certificate'],
    registers,
  });
  return {
    webhook: {
      /** For WebhookServer. */
      answered(review: { path: string; status: number; durationMs: number }) {
        latency.observe({ webhook: review.path }, review.durationMs / 1000);
        requests.inc({ webhook: review.path, code: String(review.status) });
      },
      /** `certificate` is `ca` or `leaf`. */
      certificateEnds(certificate: string, at: Date) {
        expiry.set({ certificate }, at.getTime() / 1000);
      },
    },
  };
}
