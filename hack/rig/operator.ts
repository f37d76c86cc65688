/**
 * Installs Bulkhead's manifests and runs `bulkhead operator` from this checkout, as its real ServiceAccount, outside the
 * cluster: for the demo, the tests and the benchmarks. What it may do is decided by the RBAC rules users get.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane } from './control-plane.ts';
import { CHECKOUT } from './folders.ts';
import { freePorts, LOOPBACK } from './ports.ts';
import { RigError } from './rig-error.ts';
import { serviceAccountKubeconfig } from './service-account.ts';

export interface OperatorOptions {
  /** Addresses of flow sources. */
  flows?: readonly string[];
  /** Further arguments of `bulkhead operator`. */
  args?: readonly string[];
}

export interface RunningOperator {
  pid: number;
  /** Of /metrics, /healthz and /readyz. */
  url: string;
  logPath: string;
  log(): string;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number>;
  /** SIGKILL, as a node that dies. */
  kill(): Promise<void>;
}

/** Applies namespace, RBAC and admission rules as `kubectl apply -k config/default` would, without the Deployment. */
export async function installBulkhead(cluster: Pick<ControlPlane, 'kubectl'>): Promise<void> {
  for (const args of [
    ['-f', join(CHECKOUT, 'config/manager/namespace.yaml')],
    ['-k', join(CHECKOUT, 'config/rbac')],
    ['-k', join(CHECKOUT, 'config/admission')],
  ]) {
    const result = await cluster.kubectl(['apply', '--server-side', ...args]);
    if (result.code !== 0) {
      throw new RigError(`installing Bulkhead failed: ${result.stderr.trim()}`);
    }
  }
}

/** Starts the operator and waits until it is ready: caches full, certificate trusted by the API server. */
export async function startOperator(cluster: ControlPlane, options: OperatorOptions = {}): Promise<RunningOperator> {
  const kubeconfig = await serviceAccountKubeconfig(cluster, 'bulkhead-system', 'bulkhead');
  const [webhookPort = 0, metricsPort = 0] = await freePorts(2);
  const url = `http://${LOOPBACK}:${metricsPort}`;
  const logPath = join(cluster.folder, 'operator.log');
  const output = openSync(logPath, 'a', 0o600);
  const args = [
    join(CHECKOUT, 'src/cli/main.ts'),
    'operator',
    `--kubeconfig=${kubeconfig}`,
    `--webhook-address=${cluster.webhookHost}:${webhookPort}`,
    `--webhook-url=https://${cluster.webhookHost}:${webhookPort}`,
    `--metrics-address=${LOOPBACK}:${metricsPort}`,
    ...(options.flows ?? []).map((address) => `--flows=${address}`),
    ...(options.args ?? []),
  ];
  const child = spawn(process.execPath, args, { cwd: CHECKOUT, stdio: ['ignore', output, output] });
  closeSync(output);
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 0 : 128)));
  });
  const log = (): string => readFileSync(logPath, 'utf8');
  const running: RunningOperator = {
    pid: child.pid ?? 0,
    url,
    logPath,
    log,
    stop: async () => {
      child.kill('SIGTERM');
      return ended;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
  await waitUntilReady(running, ended);
  return running;
}

async function waitUntilReady(operator: RunningOperator, ended: Promise<number>): Promise<void> {
  const state = { over: false };
  const end = ended.finally(() => {
    state.over = true;
  });
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline && !state.over) {
    if (await isReady(operator.url)) {
      return;
    }
    await Promise.race([sleep(POLL_MS), end]);
  }
  await operator.kill();
  const tail = operator.log().trim().split('\n').slice(-8).join('\n');
  throw new RigError(`the operator did not become ready; the end of its log:\n${tail}`);
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch (error) {
    if (error instanceof TypeError) {
      return false;
    }
    throw error;
  }
}

const READY_WITHIN_MS = 30_000;
const POLL_MS = 50;
