/**
 * The HTTP server for kubelet and Prometheus: `/healthz`, `/readyz`, `/metrics`.
 *
 * Healthy means that a restart would not help; it must not depend on the API server, or an outage there would restart
 * every replica. Ready means that it may be relied on. Each is a list of named checks, shown like the API server's own.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from './log.ts';

/** Says what is wrong, or undefined when all is well. Must not wait for anything. */
export type Check = () => string | undefined;

export interface HealthServerOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  healthz: Readonly<Record<string, Check>>;
  readyz: Readonly<Record<string, Check>>;
  metrics: () => Promise<{ contentType: string; body: string }>;
  log: Logger;
}

export interface HealthServer {
  /** The port it listens on. */
  port: number;
  close(): Promise<void>;
}

/** @throws Error when the address cannot be listened on. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer({ requestTimeout: 5000, headersTimeout: 5000 }, (request, response) => {
    answer(request, options).then(
      (reply) => send(response, reply),
      (error: unknown) => {
        options.log.error('health request failed', { error });
        send(response, { status: 500, contentType: TEXT, body: 'internal error\n' });
      },
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, options.port, options.host);
  const { port } = server.address() as AddressInfo;
  options.log.info('health and metrics served', { address: `${options.host}:${port}` });
  return { port, close: () => close(server) };
}

interface Reply {
  status: number;
  contentType: string;
  body: string;
}

async function answer(request: IncomingMessage, options: HealthServerOptions): Promise<Reply> {
  const [path] = (request.url ?? '').split('?');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, contentType: TEXT, body: 'only GET\n' };
  }
  switch (path) {
    case '/healthz':
      return runChecks('healthz', options.healthz);
    case '/readyz':
      return runChecks('readyz', options.readyz);
    case '/metrics':
      return { status: 200, ...(await options.metrics()) };
    default:
      return { status: 404, contentType: TEXT, body: 'try /healthz, /readyz or /metrics\n' };
  }
}

function runChecks(name: string, checks: Readonly<Record<string, Check>>): Reply {
  const results = Object.entries(checks).map(([check, run]) => ({ check, problem: runCheck(run) }));
  const lines = results.map(({ check, problem }) =>
    problem === undefined ? `[+]${check} ok` : `[-]${check} failed: ${problem}`,
  );
  const isWell = results.every(({ problem }) => problem === undefined);
  const body = [...lines, `${name} check ${isWell ? 'passed' : 'failed'}`, ''].join('\n');
  return { status: isWell ? 200 : 503, contentType: TEXT, body };
}

/** A check that throws has found something wrong, too. */
function runCheck(run: Check): string | undefined {
  try {
    return run();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function send(response: ServerResponse, reply: Reply): void {
  const headers = {
    'content-type': reply.contentType,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
  response.writeHead(reply.status, headers).end(reply.body);
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

const TEXT = 'text/plain; charset=utf-8';
/** Probes and one or two scrapers; whoever opens more is neither. */
const MAX_CONNECTIONS = 64;
