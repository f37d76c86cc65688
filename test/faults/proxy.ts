/**
 * Stands between Bulkhead and a real API server and makes the faults that networks and busy servers make.
 *
 * It ends TLS, so that it can cut a connection at any byte, answer in the server's place, or fall silent while the
 * connection stays open. Without a fault it passes everything on, streamed, byte for byte.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as requestUpstream, type Server } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { join } from 'node:path';
import { type Access, writeKubeconfig } from '../../hack/rig/kubeconfig.ts';
import { createAuthority, issueLeaf } from '../../src/kube/certs.ts';

/** What a request is about, as far as faults are chosen by it. */
export interface SeenRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  isWatch: boolean;
  /** When it arrived, in milliseconds of a clock that only goes forward. */
  atMs: number;
}

/** What happens to a request instead of what should. */
export type Fault =
  /** The connection is torn down with a TCP reset, before any answer. */
  | { kind: 'reset' }
  /** This answer, in the server's place. */
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body: unknown }
  /** A watch is begun and carries these lines, then ends. */
  | { kind: 'lines'; lines: readonly string[] }
  /** The answer is passed on up to so many bytes, then the connection is reset. */
  | { kind: 'cut'; afterBytes: number }
  /** The server gets the request and does what it says; its answer is lost with the connection. */
  | { kind: 'lose-answer' }
  /** Nothing is answered, ever; the connection stays open. */
  | { kind: 'silence' };

export interface Proxy {
  kubeconfigPath: string;
  /** Every request so far, in order. */
  readonly seen: readonly SeenRequest[];
  /** TLS handshakes so far. */
  readonly handshakes: number;
  /** The next `times` requests that match meet the fault. */
  inject(matches: (request: SeenRequest) => boolean, fault: Fault, times?: number): void;
  /** Does it to every answer that is being streamed right now: end it properly, reset it, or let it fall silent. */
  breakOpen(how: 'end' | 'reset' | 'silence'): void;
  close(): Promise<void>;
}

/** Choosers for `inject`. */
export const isWatch = ({ isWatch }: SeenRequest): boolean => isWatch;
export const isList = ({ method, isWatch, query }: SeenRequest): boolean =>
  method === 'GET' && !isWatch && query.has('limit');
export const isWrite = ({ method }: SeenRequest): boolean => method !== 'GET';

/** A Status body as the API server sends it. */
export function status(code: number, reason: string): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    reason,
    message: `injected ${code}`,
    code,
  };
}

/** @param upstream - the real server, and who the client is to it; @param folder - where the kubeconfig is put. */
export async function startProxy(upstream: Access, folder: string): Promise<Proxy> {
  const authority = await createAuthority(new Date());
  const leaf = await issueLeaf(authority, { dns: ['localhost'], ips: ['127.0.0.1'] }, new Date());
  const agent = new Agent({ keepAlive: true, ca: upstream.caPem });
  const pending: { matches: (request: SeenRequest) => boolean; fault: Fault; times: number }[] = [];
  const seen: SeenRequest[] = [];
  const open = new Set<Stream>();
  let handshakes = 0;

  const server = createServer({ cert: leaf.certificatePem, key: leaf.keyPem }, (request, response) => {
    const described = describe(request);
    seen.push(described);
    const chosen = pending.find(({ matches, times }) => times > 0 && matches(described));
    if (chosen !== undefined) {
      chosen.times -= 1;
    }
    void handle(request, response, chosen?.fault);
  });
  server.on('secureConnection', () => {
    handshakes += 1;
  });

  async function handle(request: IncomingMessage, response: ServerResponse, fault: Fault | undefined): Promise<void> {
    if (fault !== undefined && actAlone(fault, response)) {
      return;
    }
    const forwarded = requestUpstream(new URL(request.url ?? '/', upstream.server), {
      agent,
      method: request.method,
      headers: { ...request.headers, host: new URL(upstream.server).host },
    });
    request.pipe(forwarded);
    forwarded.on('error', () => reset(response));
    const [answer] = (await once(forwarded, 'response').catch(() => [])) as [IncomingMessage?];
    if (answer === undefined) {
      return;
    }
    if (fault?.kind === 'lose-answer') {
      answer.resume().once('end', () => reset(response));
      return;
    }
    const stream = new Stream(answer, response, fault?.kind === 'cut' ? fault.afterBytes : Number.POSITIVE_INFINITY);
    open.add(stream);
    response.once('close', () => open.delete(stream));
  }

  // A TLS socket cannot send a TCP reset; the socket below it can, so the proxy accepts that one itself.
  const listener = createTcpServer((socket) => {
    const port = socket.remotePort ?? 0;
    SOCKETS.set(port, socket);
    socket.once('close', () => SOCKETS.delete(port));
    server.emit('connection', socket);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const kubeconfigPath = join(folder, `proxy-${port}.kubeconfig`);
  writeKubeconfig(
    kubeconfigPath,
    { ...upstream, server: `https://127.0.0.1:${port}`, caPem: authority.certificatePem },
    'proxied',
  );
  return {
    kubeconfigPath,
    seen,
    get handshakes() {
      return handshakes;
    },
    inject: (matches, fault, times = 1) => void pending.push({ matches, fault, times }),
    breakOpen: (how) => open.forEach((stream) => stream.break(how)),
    close: () => closeAll(listener, server, agent),
  };
}

/** One answer on its way from the server to the client. */
class Stream {
  readonly #answer: IncomingMessage;
  readonly #response: ServerResponse;
  #left: number;

  constructor(answer: IncomingMessage, response: ServerResponse, maxBytes: number) {
    this.#answer = answer;
    this.#response = response;
    this.#left = maxBytes;
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    answer.on('data', (chunk: Buffer) => this.#pass(chunk));
    answer.on('end', () => response.end());
    answer.on('error', () => reset(response));
    response.once('close', () => answer.destroy());
  }

  break(how: 'end' | 'reset' | 'silence'): void {
    this.#answer
      .removeAllListeners('data')
      .removeAllListeners('end')
      .on('data', () => {});
    if (how === 'end') {
      this.#response.end();
    } else if (how === 'reset') {
      reset(this.#response);
    }
  }

  #pass(chunk: Buffer): void {
    this.#response.write(chunk.subarray(0, this.#left));
    this.#left -= chunk.length;
    if (this.#left <= 0) {
      // Once what was allowed has left; a reset at once could overtake it.
      this.#response.write('', () => reset(this.#response));
    }
  }
}

/** Faults that need no server. */
function actAlone(fault: Fault, response: ServerResponse): boolean {
  switch (fault.kind) {
    case 'reset':
      reset(response);
      return true;
    case 'answer':
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
      response.end(typeof fault.body === 'string' ? fault.body : JSON.stringify(fault.body));
      return true;
    case 'lines':
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(fault.lines.map((line) => `${line}\n`).join(''));
      return true;
    case 'silence':
      return true;
    case 'cut':
    case 'lose-answer':
      return false;
  }
}

function reset(response: ServerResponse): void {
  SOCKETS.get(response.socket?.remotePort ?? 0)?.resetAndDestroy();
}

function describe(request: IncomingMessage): SeenRequest {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'https://localhost');
  return {
    method: request.method ?? '',
    path: pathname,
    query: searchParams,
    isWatch: searchParams.get('watch') === 'true',
    atMs: performance.now(),
  };
}

async function closeAll(listener: TcpServer, server: Server, agent: Agent): Promise<void> {
  server.closeAllConnections();
  agent.destroy();
  await new Promise((resolve) => listener.close(resolve));
}

/** Accepted connections by the client's port. */
const SOCKETS = new Map<number, Socket>();
