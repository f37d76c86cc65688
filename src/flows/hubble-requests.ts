/**
 * Encodes what Bulkhead asks of a Hubble server, and decodes the short answers about the server itself.
 *
 * Pure: bytes in, bytes out, by the field numbers of observer.proto. Sending is `sources/hubble-client.ts`; the stream of
 * flows is decoded by `decode-protobuf.ts`.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { bigNumberField, type Fields, messageField, numberField, readFields, stringField } from './protobuf-fields.ts';

/** What to stream. */
export interface FlowsRequest {
  /** Keep streaming what happens from now on. */
  follow: boolean;
  /** How many past flows of each node to begin with; makes a relay sort over that many times the nodes, not over 100. */
  number?: number;
  /** Event time to begin at, milliseconds since the epoch; wins over `number`. */
  sinceMs?: number | undefined;
  /** Only flows from or to pods of these namespaces; undefined means all flows, an empty list means none. */
  namespaces?: readonly string[] | undefined;
}

/** One node as a server describes it. */
export interface NodeFlows {
  /** As `cluster/node`; empty where a node's own server answers about itself. */
  name: string;
  /** Flows seen since the server started. */
  seen: number;
  /** Nanoseconds since the server started. */
  uptimeNs: number;
  isConnected: boolean;
}

export function encodeFlowsRequest(request: FlowsRequest): Uint8Array {
  const writer = new BinaryWriter();
  if (request.number !== undefined) {
    writer.tag(1, WireType.Varint).uint64(request.number);
  }
  writer.tag(3, WireType.Varint).bool(request.follow);
  for (const filter of whitelist(request.namespaces)) {
    writer.tag(6, WireType.LengthDelimited).bytes(filter);
  }
  if (request.sinceMs !== undefined) {
    writer.tag(7, WireType.LengthDelimited).bytes(timestamp(request.sinceMs));
  }
  return writer.finish();
}

/** ServerStatusRequest and GetNodesRequest have no fields. */
export function encodeEmpty(): Uint8Array {
  return new Uint8Array(0);
}

/** ServerStatusResponse of one node's server. */
export function decodeServerStatus(bytes: Uint8Array): NodeFlows {
  const node = blankNode();
  readFields(new BinaryReader(bytes), bytes.length, node, {
    3: bigNumberField((target, value) => void (target.seen = value)),
    4: bigNumberField((target, value) => void (target.uptimeNs = value)),
  });
  return { ...node, isConnected: true };
}

/** GetNodesResponse of a relay. */
export function decodeNodes(bytes: Uint8Array): NodeFlows[] {
  const nodes: NodeFlows[] = [];
  readFields(new BinaryReader(bytes), bytes.length, nodes, {
    1: messageField(blankNode, NODE, (all: NodeFlows[], node) => void all.push(node)),
  });
  return nodes;
}

/**
 * FlowFilters of which one must match. Either side needs two, since the fields of one filter must all match.
 *
 * A filter that no flow passes is how "none" is said, since no filter at all means every flow. Lost events and node status
 * come in any case.
 */
function whitelist(namespaces: readonly string[] | undefined): Uint8Array[] {
  if (namespaces === undefined) {
    return [];
  }
  if (namespaces.length === 0) {
    return [filter(UUID, ['none'])];
  }
  const pods = namespaces.map((namespace) => `${namespace}/`);
  return [filter(SOURCE_POD, pods), filter(DESTINATION_POD, pods)];
}

function filter(field: number, values: readonly string[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const value of values) {
    writer.tag(field, WireType.LengthDelimited).string(value);
  }
  return writer.finish();
}

function timestamp(ms: number): Uint8Array {
  const seconds = Math.floor(ms / 1000);
  const nanos = Math.floor((ms - seconds * 1000) * 1_000_000);
  return new BinaryWriter().tag(1, WireType.Varint).int64(seconds).tag(2, WireType.Varint).int32(nanos).finish();
}

function blankNode(): NodeFlows {
  return { name: '', seen: 0, uptimeNs: 0, isConnected: false };
}

const NODE: Fields<NodeFlows> = {
  1: stringField((node, value) => void (node.name = value)),
  4: numberField((node, value) => void (node.isConnected = value === NODE_CONNECTED)),
  6: bigNumberField((node, value) => void (node.uptimeNs = value)),
  9: bigNumberField((node, value) => void (node.seen = value)),
};

/** relay.NodeState. */
const NODE_CONNECTED = 1;

/** Field numbers of flow.FlowFilter. */
const SOURCE_POD = 2;
const DESTINATION_POD = 4;
const UUID = 29;
