import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AdmissionRequest } from '../api/admission-review.ts';
import { createAuthority, issueLeaf, type KeyedCertificate } from './certs.ts';
import { type WebhookRequestEvent, WebhookServer } from './webhook-server.ts';

const NAMES = { dns: ['localhost'], ips: ['127.0.0.1'] };
const MIB = 1024 * 1024;

let server: WebhookServer;
let port: number;
let authority: KeyedCertificate;
let events: WebhookRequestEvent[];
let release: () => void;
/** Requests that have reached the handler of /hold. */
let holding: number;

beforeEach(async () => {
  authority = await createAuthority(new Date());
  events = [];
  holding = 0;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  server = new WebhookServer({
    handlers: {
      '/allow': () => ({ allowed: true, patch: [{ op: 'remove', path: '/metadata/labels/é' }], warnings: ['careful'] }),
      '/refuse': ({ name }: AdmissionRequest) => ({
        allowed: false,
        message: `not ${name}`,
        auditAnnotations: { refused: 'x' },
      }),
      '/crash': () => {
        throw new Error('secret detail');
      },
      '/crash-later': () => Promise.reject(new Error('secret detail')),
      '/hang': () => new Promise<never>(() => {}),
      '/hold': async () => {
        holding += 1;
        await held;
        return { allowed: true };
      },
    },
    onRequest: (event) => events.push(event),
    limits: { handlerTimeoutMs: 1000 },
  });
  server.useCertificate(await issueLeaf(authority, NAMES, new Date()));
  port = await server.listen(0, '127.0.0.1');
});
afterEach(() => server.close(0));

interface Reply {
  status: number;
  body: string;
  headers: IncomingMessage['headers'];
}

interface Call {
  path?: string;
  method?: string;
  headers?: Record<string, string | number>;
  body?: string | Buffer;
  agent?: Agent;
}

function call({ path = '/allow', method = 'POST', headers = {}, body = '', agent }: Call): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        ca: authority.certificatePem,
        headers: { 'content-type': 'application/json', ...headers },
        agent: agent ?? false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).toString(),
            headers: response.headers,
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const review = (changes: object = {}) =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      name: 'pod-1',
      resource: { group: '', version: 'v1', resource: 'pods' },
      operation: 'CREATE',
      userInfo: { username: 'alice' },
      ...changes,
    },
  });

describe('an AdmissionReview', () => {
  it('is answered with its uid, the patch and the warnings', async () => {
    const { status, body } = await call({ body: review() });
    expect(status).toBe(200);
    const { apiVersion, kind, response } = JSON.parse(body);
    expect({ apiVersion, kind }).toEqual({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' });
    expect(response).toMatchObject({ uid: 'u-1', allowed: true, patchType: 'JSONPatch', warnings: ['careful'] });
    expect(JSON.parse(Buffer.from(response.patch, 'base64').toString())).toEqual([
      { op: 'remove', path: '/metadata/labels/é' },
    ]);
  });

  it('is refused with the message, also when the API server adds its timeout to the path', async () => {
    const { body } = await call({ path: '/refuse?timeout=3s', body: review() });
    expect(JSON.parse(body).response).toEqual({
      uid: 'u-1',
      allowed: false,
      status: { code: 403, reason: 'Forbidden', message: 'not pod-1' },
      auditAnnotations: { refused: 'x' },
    });
    expect(events).toMatchObject([{ path: '/refuse', status: 200, outcome: 'refused' }]);
  });

  it('just below the limit is read', async () => {
    const padded = review({ object: 'x'.repeat(3 * MIB - 1024) });
    expect((await call({ body: padded })).status).toBe(200);
  });
});

describe('a request that is none', () => {
  it.each<[string, Call, number, RegExp]>([
    ['a wrong path', { path: '/elsewhere', body: review() }, 404, /no webhook/],
    ['a path of Object.prototype', { path: '/__proto__', body: review() }, 404, /no webhook/],
    ['GET', { method: 'GET' }, 405, /POST/],
    [
      'another content type',
      { headers: { 'content-type': 'application/yaml' }, body: review() },
      415,
      /application\/json/,
    ],
    ['no content type', { headers: { 'content-type': '' }, body: review() }, 415, /application\/json/],
    ['nothing', { body: '' }, 400, /not JSON/],
    ['half a review', { body: review().slice(0, 80) }, 400, /not JSON/],
    ['a Pod', { body: '{"apiVersion":"v1","kind":"Pod"}' }, 400, /not an AdmissionReview/],
    ['the old version', { body: review().replace('k8s.io/v1', 'k8s.io/v1beta1') }, 400, /admission.k8s.io\/v1/],
    ['a list', { body: '[]' }, 400, /AdmissionReview/],
    ['no request', { body: '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}' }, 400, /request/],
    ['no resource', { body: review({ resource: null }) }, 400, /resource/],
    ['a uid that is a number', { body: review({ uid: 7 }) }, 400, /uid/],
    ['no user', { body: review({ userInfo: 'alice' }) }, 400, /userInfo/],
  ])('is answered with a sentence: %s', async (_name, given, status, sentence) => {
    const reply = await call(given);
    expect(reply.status).toBe(status);
    expect(reply.body).toMatch(sentence);
    expect(events).toMatchObject([{ status, outcome: 'error' }]);
  });

  it('of 20 MiB is refused, announced or not, and the server goes on', async () => {
    const body = Buffer.alloc(20 * MIB, 'x');
    const announced = await call({ body });
    const chunked = await call({ body, headers: { 'transfer-encoding': 'chunked' } });
    expect([announced.status, chunked.status]).toEqual([413, 413]);
    expect((await call({ body: review() })).status).toBe(200);
  });

  it('whose body never ends is cut off', async () => {
    const impatient = new WebhookServer({
      handlers: { '/allow': () => ({ allowed: true }) },
      limits: { receiveTimeoutMs: 200 },
    });
    impatient.useCertificate(await issueLeaf(authority, NAMES, new Date()));
    const itsPort = await impatient.listen(0, '127.0.0.1');
    const socket = connect({ host: '127.0.0.1', port: itsPort, ca: authority.certificatePem, servername: 'localhost' });
    const answer = new Promise<string>((resolve, reject) => {
      let received = '';
      socket.on('data', (chunk) => (received += chunk.toString()));
      socket.on('close', () => resolve(received));
      socket.on('error', reject);
    });
    socket.write('POST /allow HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{');
    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
    await impatient.close(0);
  });

  it('without TLS gets nothing', async () => {
    const plain = new Promise((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port, path: '/allow', method: 'POST' }, resolve)
        .on('error', reject)
        .end(review());
    });
    await expect(plain).rejects.toThrow();
  });
});

describe('a handler', () => {
  it.each(['/crash', '/crash-later', '/hang'])(
    'that fails (%s) gives 500, no detail, and an event with the error',
    async (path) => {
      const reply = await call({ path, body: review() });
      expect(reply.status).toBe(500);
      expect(reply.body).not.toMatch(/secret/);
      expect(events).toMatchObject([{ path, status: 500, outcome: 'error', error: expect.any(Error) }]);
    },
  );
});

describe('TLS', () => {
  const handshake = (options: object) =>
    new Promise<TLSSocket>((resolve, reject) => {
      const socket = connect({
        host: '127.0.0.1',
        port,
        ca: authority.certificatePem,
        servername: 'localhost',
        ...options,
      });
      socket.on('secureConnect', () => resolve(socket));
      socket.on('error', reject);
    });

  it('is refused below 1.2', async () => {
    await expect(
      handshake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).rejects.toThrow();
    const socket = await handshake({ maxVersion: 'TLSv1.2' });
    expect(socket.getProtocol()).toBe('TLSv1.2');
    socket.destroy();
  });

  it('serves a new leaf to new connections, without a restart and without breaking the old ones', async () => {
    const before = await handshake({});
    server.useCertificate(await issueLeaf(authority, NAMES, new Date()));
    const after = await handshake({});
    expect(after.getPeerCertificate().serialNumber).not.toBe(before.getPeerCertificate().serialNumber);
    expect(before.destroyed).toBe(false);
    before.destroy();
    after.destroy();
  });
});

describe('close', () => {
  it('answers what was asked, says that it closes, and takes nothing new', async () => {
    const agent = new Agent({ keepAlive: true, ca: authority.certificatePem });
    await call({ body: review(), agent }); // leaves an idle connection behind
    const pending = call({ path: '/hold', body: review() });
    await expect.poll(() => holding).toBe(1);
    const closed = server.close(10_000);
    release();
    const reply = await pending;
    expect(reply.status).toBe(200);
    expect(reply.headers.connection).toBe('close');
    await closed;
    await expect(call({ body: review() })).rejects.toThrow(/ECONNREFUSED/);
    agent.destroy();
  });

  it('cuts off what is not done in time', async () => {
    const socket = connect({ host: '127.0.0.1', port, ca: authority.certificatePem, servername: 'localhost' });
    await new Promise((resolve) => socket.on('secureConnect', resolve));
    socket.write('POST /hold HTTP/1.1\r\n');
    const ended = new Promise((resolve) => socket.on('close', resolve));
    await server.close(20);
    await ended;
  });
});
