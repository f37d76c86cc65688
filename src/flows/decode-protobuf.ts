/**
 * Turns the bytes of one Hubble GetFlowsResponse into a flow event, the same one that `decode-json.ts` makes of its JSON.
 *
 * Pure, and never throws. Field numbers are those of flow.proto, observer.proto and relay.proto of Cilium 1.20, which
 * only ever grow; a server that is older or newer, or is not Cilium, sends fields that are absent or unknown here.
 */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { BadField, type Decoded, failed, failedField } from './decoded.ts';
import type { FlowEvent } from './flow.ts';
import { LOST_EVENT_SOURCES, NODE_STATES, nameOfNumber } from './hubble-enums.ts';
import {
  bigNumberField,
  type Fields,
  messageField,
  numberField,
  readFields,
  stringField,
  timeField,
} from './protobuf-fields.ts';
import { blankFlowDraft, FLOW_FIELDS, type FlowDraft, finishFlow } from './protobuf-flow.ts';

/** Decodes one GetFlowsResponse. */
export function decodeGetFlowsResponse(bytes: Uint8Array): Decoded {
  const response: Response = { nodeName: '', timeMs: undefined, event: undefined };
  try {
    const reader = new BinaryReader(bytes);
    readFields(reader, bytes.length, response, RESPONSE);
    return completed(response);
  } catch (error) {
    if (error instanceof BadField) {
      return failedField(error, '');
    }
    // The reader throws plain errors at the end of the bytes and at impossible numbers.
    return failed('BadField', '', 'not a protobuf message, or cut short');
  }
}

interface Response {
  nodeName: string;
  timeMs: number | undefined;
  event: Draft | undefined;
}

interface LostDraft {
  source: number;
  count: number;
  firstMs: number | undefined;
  lastMs: number | undefined;
}

interface NodeDraft {
  state: number;
  nodeNames: string[];
  message: string;
}

type Draft = { kind: 'flow'; flow: FlowDraft } | { kind: 'lost'; lost: LostDraft } | { kind: 'node'; node: NodeDraft };

function completed(response: Response): Decoded {
  const draft = response.event;
  if (draft === undefined) {
    return failed('NotAFlow', '', 'a message without flow, lost events or node status');
  }
  switch (draft.kind) {
    case 'flow':
      return completedFlow(draft.flow, response);
    case 'lost':
      return completedLost(draft.lost, response);
    case 'node':
      return completedNode(draft.node, response);
  }
}

function completedFlow(draft: FlowDraft, response: Response): FlowEvent {
  const flow = finishFlow(draft);
  flow.timeMs = requiredTime(Number.isNaN(flow.timeMs) ? response.timeMs : flow.timeMs);
  flow.nodeName ||= response.nodeName;
  return { kind: 'flow', flow };
}

function completedLost(draft: LostDraft, response: Response): FlowEvent {
  return {
    kind: 'lost',
    lost: {
      timeMs: requiredTime(response.timeMs ?? draft.lastMs ?? draft.firstMs),
      nodeName: response.nodeName,
      source: nameOfNumber(LOST_EVENT_SOURCES, draft.source),
      count: draft.count,
    },
  };
}

function completedNode({ state, nodeNames, message }: NodeDraft, response: Response): FlowEvent {
  const timeMs = requiredTime(response.timeMs);
  return { kind: 'node', node: { timeMs, state: nameOfNumber(NODE_STATES, state), nodeNames, message } };
}

function requiredTime(ms: number | undefined): number {
  if (ms === undefined) {
    throw new BadField('time', undefined, 'given');
  }
  return ms;
}

const LOST: Fields<LostDraft> = {
  1: numberField((lost, value) => void (lost.source = value)),
  2: bigNumberField((lost, value) => void (lost.count = value)),
  4: timeField((lost, ms) => void (lost.firstMs = ms)),
  5: timeField((lost, ms) => void (lost.lastMs = ms)),
};

const NODE: Fields<NodeDraft> = {
  1: numberField((node, value) => void (node.state = value)),
  2: stringField((node, value) => void node.nodeNames.push(value)),
  3: stringField((node, value) => void (node.message = value)),
};

const RESPONSE: Fields<Response> = {
  1: messageField(
    blankFlowDraft,
    FLOW_FIELDS,
    (response: Response, flow) => void (response.event = { kind: 'flow', flow }),
  ),
  2: messageField(
    (): NodeDraft => ({ state: 0, nodeNames: [], message: '' }),
    NODE,
    (response: Response, node) => void (response.event = { kind: 'node', node }),
  ),
  3: messageField(
    (): LostDraft => ({ source: 0, count: 0, firstMs: undefined, lastMs: undefined }),
    LOST,
    (response: Response, lost) => void (response.event = { kind: 'lost', lost }),
  ),
  1000: stringField((response, value) => void (response.nodeName = value)),
  1001: timeField((response, ms) => void (response.timeMs = ms)),
};
