/**
 * The outside world's own servers, as one process in its network namespace: a web server (HTTP, HTTPS, server-sent events,
 * websocket), a mining pool, a database that answers whatever it is told, and a clock. `node outside-servers.ts SETTINGS`.
 *
 * It says what reached it, one JSON line an event: what did not arrive here did not leave the node.
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { join, normalize } from 'node:path';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import { OUTSIDE } from './network.ts';

/** What the process is told in the file that its argument names. */
export interface OutsideSettings {
  /** Folder whose files the web server serves. */
  www: string;
  certificate: string;
  key: string;
}

/** One line of its output. */
export interface OutsideEvent {
  at: string;
  event: 'open' | 'close' | 'request' | 'datagram';
  server: string;
  /** `address:port` of the client as seen from outside. */
  from: string;
  detail?: string;
}

/** Mining jobs come at this pace, so that an idle miner still has traffic. */
const JOB_MS = 5_000;
const TICK_MS = 250;
const WEBSOCKET_KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** Seconds between the epochs of NTP (1900) and Unix (1970). */
const NTP_EPOCH_OFFSET = 2_208_988_800;

function tell(event: OutsideEvent['event'], server: string, from: string, detail?: string): void {
  const line: OutsideEvent = {
    at: new Date().toISOString(),
    event,
    server,
    from,
    ...(detail !== undefined && { detail }),
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}

/** Tells of connections; a client that resets is no error of the server's. */
function watch(server: Server, name: string): void {
  server.on('connection', (socket: Socket) => {
    const from = nameOf(socket);
    tell('open', name, from);
    socket.on('error', () => undefined);
    socket.on('close', () => tell('close', name, from));
  });
}

function listen(name: string, address: string, port: number, server: Server): void {
  watch(server, name);
  server.listen(port, address);
}

/** Answers each line with itself. */
function echo(socket: Socket): void {
  socket.pipe(socket);
}

/** The Stratum protocol as far as a miner needs it to begin: every request succeeds, and jobs keep coming. */
function pool(socket: Socket): void {
  const jobs = setInterval(() => socket.write(`${JSON.stringify(job())}\n`), JOB_MS);
  socket.on('close', () => clearInterval(jobs));
  let rest = '';
  socket.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter(Boolean)) {
      socket.write(`${JSON.stringify({ id: idOf(line), result: true, error: null })}\n${JSON.stringify(job())}\n`);
    }
  });
}

function idOf(line: string): unknown {
  try {
    return (JSON.parse(line) as { id?: unknown }).id ?? null;
  } catch {
    return null;
  }
}

function job(): object {
  return { id: null, method: 'mining.notify', params: [Date.now().toString(16), '0'.repeat(64), [], true] };
}

function serveWeb(www: string): RequestListener {
  return (request, response) => {
    tell('request', 'web', nameOf(request.socket), `${request.method} ${request.headers.host ?? ''}${request.url}`);
    if (request.url?.startsWith('/events') === true) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const ticks = setInterval(() => response.write(`data: ${Date.now()}\n\n`), TICK_MS);
      response.on('close', () => clearInterval(ticks));
      return;
    }
    const file = fileOf(www, request);
    response.writeHead(file === undefined ? 404 : 200);
    response.end(file ?? 'not found\n');
  };
}

function fileOf(www: string, request: IncomingMessage): Buffer | undefined {
  const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://web').pathname));
  try {
    return readFileSync(join(www, path.endsWith('/') ? `${path}index.html` : path));
  } catch {
    return undefined;
  }
}

/** Opens a websocket and sends a text frame now and then; what the client sends is read and dropped. */
function upgrade(request: IncomingMessage, socket: Duplex): void {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}${WEBSOCKET_KEY_SUFFIX}`)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const ticks = setInterval(() => socket.write(textFrame(String(Date.now()))), TICK_MS);
  socket.on('close', () => clearInterval(ticks));
  socket.on('error', () => undefined);
  socket.resume();
}

/** A final, unmasked text frame of fewer than 126 bytes. */
function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, payload.length]), payload]);
}

/** Answers NTP requests with the machine's time, as a server of stratum 1. */
function clock(): void {
  const socket = createSocket('udp4');
  socket.on('message', (request, { address, port }) => {
    tell('datagram', 'time', `${address}:${port}`);
    const answer = Buffer.alloc(48);
    answer[0] = 0x24;
    answer[1] = 1;
    request.copy(answer, 24, 40, 48);
    const now = Date.now();
    for (const offset of [16, 32, 40]) {
      answer.writeUInt32BE(Math.floor(now / 1000) + NTP_EPOCH_OFFSET, offset);
      answer.writeUInt32BE(Math.floor(((now % 1000) / 1000) * 2 ** 32), offset + 4);
    }
    socket.send(answer, port, address);
  });
  socket.bind(123, OUTSIDE.time);
}

function start({ www, certificate, key }: OutsideSettings): void {
  const http = createHttpServer(serveWeb(www));
  const https = createHttpsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, serveWeb(www));
  for (const server of [http, https]) {
    server.on('upgrade', upgrade);
  }
  listen('http', OUTSIDE.web, 80, http);
  listen('https', OUTSIDE.web, 443, https);
  listen('echo', OUTSIDE.web, 9000, createServer(echo));
  listen('pool', OUTSIDE.pool, 3333, createServer(pool));
  listen('database', OUTSIDE.database, 5432, createServer(echo));
  clock();
}

if (import.meta.main) {
  start(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as OutsideSettings);
}
