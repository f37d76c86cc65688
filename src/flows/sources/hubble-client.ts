/**
 * One connection to a Hubble node server or relay: the three calls of observer.Observer that Bulkhead makes.
 *
 * A connection is used until it fails and then thrown away; trying again is `hubble-grpc.ts`. Messages are decoded as they
 * come in, and a message that cannot be decoded is a value like any other, since an exception here would end the stream.
 */
import { Client, type ClientReadableStream, type ServiceError, status } from '@grpc/grpc-js';
import { decodeGetFlowsResponse } from '../decode-protobuf.ts';
import type { Decoded } from '../decoded.ts';
import {
  decodeNodes,
  decodeServerStatus,
  encodeEmpty,
  encodeFlowsRequest,
  type FlowsRequest,
  type NodeFlows,
} from '../hubble-requests.ts';
import type { NodesAnswer } from '../restarts.ts';
import { channelSecurity, type TlsFiles } from './tls-files.ts';

/** Where a Hubble server listens. */
export type HubbleAddress =
  | { kind: 'unix'; path: string }
  | { kind: 'tcp'; host: string; port: number; tls?: TlsFiles | undefined };

export interface HubbleConnection {
  /** Starts a stream of flows. Cancel it to end it. */
  flows(request: FlowsRequest): ClientReadableStream<Decoded>;
  /** The nodes behind a relay, or the one node of a node server. Rejects when there is no answer within 5 s. */
  nodes(signal: AbortSignal): Promise<NodesAnswer>;
  close(): void;
}

/** Connects lazily: the first call shows whether anybody listens. */
export async function connectHubble(address: HubbleAddress): Promise<HubbleConnection> {
  const security = await channelSecurity(address.kind === 'tcp' ? address.tls : undefined);
  const client = new Client(targetOf(address), security.credentials, { ...CHANNEL_OPTIONS, ...security.options });

  function ask<Answer>(method: string, decode: (bytes: Buffer) => Answer, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + ANSWER_MS };
      const call = client.makeUnaryRequest(method, asBuffer, decode, encodeEmpty(), options, (error, answer) => {
        signal.removeEventListener('abort', cancel);
        if (error !== null || answer === undefined) {
          reject(error ?? new Error('no answer'));
        } else {
          resolve(answer);
        }
      });
      const cancel = () => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
    });
  }

  async function askNodes(signal: AbortSignal): Promise<NodeFlows[]> {
    try {
      return await ask('/observer.Observer/GetNodes', decodeNodes, signal);
    } catch (error) {
      if (codeOf(error) !== status.UNIMPLEMENTED) {
        throw error;
      }
      // A node's own server knows no others.
      return [await ask('/observer.Observer/ServerStatus', decodeServerStatus, signal)];
    }
  }

  return {
    flows: (request) =>
      client.makeServerStreamRequest(
        '/observer.Observer/GetFlows',
        asBuffer,
        decodeGetFlowsResponse,
        encodeFlowsRequest(request),
      ),
    async nodes(signal) {
      const askedMs = performance.now();
      const nodes = await askNodes(signal);
      return { nodes, askedMs, answeredMs: performance.now() };
    },
    close: () => client.close(),
  };
}

/** The gRPC status of an error, or undefined when it is none of gRPC's. */
export function codeOf(error: unknown): status | undefined {
  return isServiceError(error) ? error.code : undefined;
}

/** Whether a message was larger than we take. */
export function isTooLarge(error: unknown): boolean {
  return isServiceError(error) && error.code === status.RESOURCE_EXHAUSTED && error.details.includes('larger than');
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && typeof error.code === 'number';
}

function targetOf(address: HubbleAddress): string {
  if (address.kind === 'unix') {
    return `unix:${address.path}`;
  }
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `dns:${host}:${address.port}`;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** How long a short question may take. */
const ANSWER_MS = 5_000;

const CHANNEL_OPTIONS = {
  // Servers built on grpc-go end a connection that pings more often than every five minutes without data: GOAWAY
  // too_many_pings. Whether the server is alive is asked by the watchdog instead.
  'grpc.keepalive_time_ms': 330_000,
  'grpc.keepalive_permit_without_calls': 0,
  // A flow has some 1.5 KB. The bound is on memory, and on what one message can cost to decode.
  'grpc.max_receive_message_length': 4 * 1024 * 1024,
  // Each connection stands for itself, with fresh certificates and without the backoff of the one before.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  // A proxy for the way out of the cluster must not be asked for a server inside it.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
};
