/**
 * Plain JSON over HTTPS to an API server, for tests that must send exactly what they mean: no types, no defaults, no
 * retries between them and the server. Connections are kept; one handshake serves a whole test file.
 */
import { Agent, request } from 'node:https';
import type { Access } from './kubeconfig.ts';
import { RigError } from './rig-error.ts';

export interface ApiRequest {
  /** Sent as JSON, or as it is when a string. */
  body?: unknown;
  /** `application/json` unless given; patches and server-side apply need their own. */
  contentType?: string;
  /** Bearer token in place of the client's own user. */
  token?: string;
  /** Further headers, such as `Impersonate-User`. */
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

/** What tests mostly look at in an answer; name another type where more is known. */
export interface KubeObject {
  metadata: { name: string; namespace?: string; uid: string; resourceVersion: string; labels?: Record<string, string> };
  /** Of a list. */
  items?: KubeObject[];
  /** Of a `Status`. */
  message?: string;
  [field: string]: unknown;
}

export interface ApiResponse<Body> {
  status: number;
  /** Parsed JSON, or the text where it is none. */
  body: Body;
}

export interface ApiClient {
  /** Sends one request and returns whatever the server answered. */
  request<Body = KubeObject>(method: string, path: string, options?: ApiRequest): Promise<ApiResponse<Body>>;
  /** Sends one request and returns the body; throws unless the answer is 2xx. */
  call<Body = KubeObject>(method: string, path: string, options?: ApiRequest): Promise<Body>;
  /** Creates or changes an object by server-side apply as field manager `test`, taking over conflicting fields. */
  apply<Body = KubeObject>(path: string, object: unknown): Promise<Body>;
  /** Closes the kept connections. */
  close(): void;
}

/** A client for the server and user of `access`. */
export function createApiClient(access: Access): ApiClient {
  const agent = new Agent({
    keepAlive: true,
    ca: access.caPem === '' ? undefined : access.caPem,
    cert: access.clientCertificatePem,
    key: access.clientKeyPem,
  });
  const client: ApiClient = {
    request: (method, path, options = {}) => send(access, agent, { ...options, method, path }),
    async call<Body>(method: string, path: string, options?: ApiRequest) {
      const { status, body } = await client.request<Body & { message?: string }>(method, path, options);
      if (status < 200 || status > 299) {
        throw new RigError(`${method} ${path}: ${status} ${body.message ?? JSON.stringify(body)}`);
      }
      return body;
    },
    apply: (path, object) =>
      client.call('PATCH', `${path}?fieldManager=test&force=true`, {
        body: object,
        contentType: 'application/apply-patch+yaml',
      }),
    close: () => agent.destroy(),
  };
  return client;
}

function send<Body>(
  access: Access,
  agent: Agent,
  call: ApiRequest & { method: string; path: string },
): Promise<ApiResponse<Body>> {
  const body = typeof call.body === 'string' ? call.body : JSON.stringify(call.body);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL(call.path, access.server),
      {
        agent,
        method: call.method,
        headers: headersOf(call, call.token ?? access.token, body),
        signal: call.signal,
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          resolve({ status: incoming.statusCode ?? 0, body: parseBody(Buffer.concat(chunks).toString()) as Body });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function headersOf(call: ApiRequest, token: string | undefined, body: string | undefined): Record<string, string> {
  const contentType = call.contentType ?? 'application/json';
  return {
    accept: 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { 'content-type': contentType, 'content-length': String(Buffer.byteLength(body)) }),
    ...call.headers,
  };
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
