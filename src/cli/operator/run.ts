/**
 * Puts the operator together and runs it until it is told to stop.
 *
 * Every replica serves admission. The leader alone reconciles, detects and keeps the webhook configurations. Order of the
 * start: know the cluster, serve admission, then act; order of the end: stop acting, finish what is in flight, give the
 * lease back, stop serving.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Readable } from 'node:stream';
import { type OperatorConfig, splitAddress } from '../../config/config.ts';
import { type Clock, systemClock } from '../../kube/clock.ts';
import { EventRecorder } from '../../kube/events.ts';
import { LeaderElection } from '../../kube/lease.ts';
import { createOperator } from '../../kube/operator.ts';
import { createReporter } from '../../kube/reporter.ts';
import { createSecretStore } from '../../kube/secret-store.ts';
import type { WebhookAddress } from '../../kube/webhook-config.ts';
import { WorkQueue } from '../../kube/work-queue.ts';
import { startHealthServer } from '../../telemetry/health.ts';
import type { Logger } from '../../telemetry/log.ts';
import { createMetrics } from '../../telemetry/metrics.ts';
import { type Admission, startAdmission } from './admission.ts';
import { type Cluster, connectCluster } from './cluster.ts';
import { createCore } from './core.ts';

export interface OperatorEnvironment {
  /** The variable KUBECONFIG. */
  kubeconfig: string | undefined;
  /** What the flow address `-` reads. */
  stdin: Readable;
  log: Logger;
  /** Ends the operator in good order. */
  signal: AbortSignal;
}

/**
 * Resolves when the operator has stopped: after the signal, or with an error when leadership was lost, because only a new
 * process is surely clean then.
 *
 * @throws UsageError when the cluster cannot be used, Error when leadership was lost.
 */
export async function runOperator(config: OperatorConfig, environment: OperatorEnvironment): Promise<void> {
  const { log, signal } = environment;
  const clock = systemClock;
  const metrics = createMetrics({ runtime: true });
  const cluster = await connectCluster(config, { kubeconfig: environment.kubeconfig, observe: metrics.request });
  log.info('connected', { server: cluster.server, user: cluster.username, engine: cluster.engine });
  const instance = `${hostname()}-${randomBytes(3).toString('hex')}`;
  const recorder = new EventRecorder({
    client: cluster.client,
    clock,
    log,
    instance,
    onDropped: metrics.eventDropped,
  });
  const operator = createOperator({
    client: cluster.client,
    kubeConfig: cluster.kubeConfig,
    clock,
    log,
    observe: metrics.watches,
    resyncMs: config.resync,
  });
  const publishQueue: { add: () => void } = { add: () => {} };
  const core = createCore({
    config,
    cluster,
    stdin: environment.stdin,
    clock,
    log,
    metrics,
    createStore: (options) => operator.createStore(options),
    reporter: createReporter({ log, recorder, count: metrics.reported }),
    onNamespaces: () => publishQueue.add(),
  });
  await operator.start();
  const admission = await serveAdmission(config, cluster, { stores: core.reconciler.stores, log, metrics });
  const publishing = createPublishing(admission, { clock, log, config });
  publishQueue.add = publishing.add;
  const trust = watchTrust(admission, { clock, log, metrics });
  const health = await startHealthServer({
    ...splitAddress(config.metricsAddress),
    healthz: { watches: () => staleWatch(operator.healthy(), clock, config.resync) },
    readyz: {
      caches: () => operator.healthy().find((kind) => !kind.synced)?.resource,
      webhook: () => (trust.isTrusted() ? undefined : 'the API server does not trust the served certificate yet'),
    },
    metrics: () => {
      core.measure();
      return metrics.expose();
    },
    log,
  });
  await Promise.race([operator.whenSynced(), aborted(signal)]);
  const lost = Promise.withResolvers<void>();
  const lead = (): void => {
    metrics.leads('bulkhead', true);
    core.start();
    publishing.start();
    log.info('operator started', { instance, flows: config.flows.length });
  };
  const election = new LeaderElection({
    client: cluster.client,
    clock,
    log,
    namespace: config.namespace,
    name: 'bulkhead',
    identity: instance,
    onStarted: lead,
    onLost: () => lost.reject(new Error('leadership was lost; a new process has to start')),
  });
  if (config.leaderElection) {
    election.start();
  } else if (!signal.aborted) {
    lead();
  }
  try {
    await Promise.race([aborted(signal), lost.promise]);
  } finally {
    log.info('stopping');
    trust.stop();
    await publishing.stop();
    await core.stop(DRAIN_MS);
    await election.stop();
    await recorder.stop(DRAIN_MS);
    await admission.close();
    await operator.stop();
    await health.close();
    await cluster.client.close();
    log.info('stopped');
  }
}

interface AdmissionParts {
  stores: Parameters<typeof startAdmission>[0]['stores'];
  log: Logger;
  metrics: ReturnType<typeof createMetrics>;
}

async function serveAdmission(config: OperatorConfig, cluster: Cluster, parts: AdmissionParts): Promise<Admission> {
  const { webhookUrl, namespace } = config;
  const service = `${WEBHOOK_SERVICE}.${namespace}.svc`;
  const outside = webhookUrl === undefined ? undefined : new URL(webhookUrl).hostname.replace(/^\[|\]$/g, '');
  return startAdmission({
    client: cluster.client,
    stores: parts.stores,
    authorities: createSecretStore({ client: cluster.client, namespace, name: CERTIFICATES_SECRET }),
    listen: splitAddress(config.webhookAddress),
    address: (port) => webhookAddress(config, port),
    names: {
      dns: [service, `${service}.cluster.local`, ...(outside === undefined || isIp(outside) ? [] : [outside])],
      ips: outside !== undefined && isIp(outside) ? [outside] : [],
    },
    ownNamespace: namespace,
    operatorUsername: cluster.username,
    onRequest: (event) => {
      parts.metrics.webhook.answered(event);
      if (event.outcome === 'error') {
        parts.log.error('admission review failed', { path: event.path, status: event.status, error: event.error });
      }
    },
  });
}

function webhookAddress({ webhookUrl, namespace }: OperatorConfig, port: number): WebhookAddress {
  if (webhookUrl === undefined) {
    return { service: { namespace, name: WEBHOOK_SERVICE, port: 443 } };
  }
  const url = new URL(webhookUrl);
  return { url: `https://${url.hostname}:${url.port === '0' ? port : url.port || 443}` };
}

/** Keeps the webhook configurations as the sandboxes need them; a change is published once, however often it is asked for. */
function createPublishing(admission: Admission, parts: { clock: Clock; log: Logger; config: OperatorConfig }) {
  const queue = new WorkQueue({
    name: 'webhook-configuration',
    workers: 1,
    clock: parts.clock,
    log: parts.log,
    handle: async () => {
      await admission.publish();
      return { requeueAfterMs: parts.config.resync };
    },
  });
  return {
    add: () => queue.add('bulkhead'),
    start: () => {
      queue.add('bulkhead');
      queue.start();
    },
    stop: () => queue.stop(DRAIN_MS),
  };
}

/** Renews the certificate in time, and knows whether the API server would accept it. */
function watchTrust(
  admission: Admission,
  { clock, log, metrics }: { clock: Clock; log: Logger; metrics: ReturnType<typeof createMetrics> },
) {
  let trusted = false;
  let cancel = (): void => {};
  const look = async (): Promise<void> => {
    try {
      await admission.refresh();
      trusted = await admission.isTrusted();
      const expiry = admission.leafExpiry();
      if (expiry !== undefined) {
        metrics.webhook.certificateEnds('leaf', expiry);
      }
    } catch (error) {
      log.warn('webhook certificate not refreshed', { error });
    }
  };
  const loop = async (): Promise<void> => {
    await look();
    cancel = clock.after(trusted ? TRUST_CHECK_MS : TRUST_RETRY_MS, () => void loop());
  };
  void loop();
  return { isTrusted: () => trusted, stop: () => cancel() };
}

function staleWatch(
  kinds: readonly { resource: string; lastContactMs: number | undefined; error: string | undefined }[],
  clock: Clock,
  resyncMs: number,
): string | undefined {
  const oldest = clock.nowMs() - 2 * resyncMs;
  // One that knows why it is silent is trying again; an outage of the API server must not restart every replica.
  const stale = kinds.find(
    ({ lastContactMs, error }) => error === undefined && lastContactMs !== undefined && lastContactMs < oldest,
  );
  return stale === undefined ? undefined : `nothing heard of ${stale.resource} for two resyncs`;
}

function isIp(host: string): boolean {
  return /^[0-9.]+$/.test(host) || host.includes(':');
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
    }
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

const WEBHOOK_SERVICE = 'bulkhead-webhook';
const CERTIFICATES_SECRET = 'bulkhead-webhook-certs';
/** Milliseconds for work in flight when the operator stops; below the 30 s a pod is given. */
const DRAIN_MS = 5000;
const TRUST_CHECK_MS = 60_000;
const TRUST_RETRY_MS = 1000;
