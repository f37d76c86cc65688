/**
 * The fields of flow.proto's Flow that Bulkhead uses, by number, and how each one lands in a `Flow`.
 *
 * Field numbers never change once released. To use one more field of Hubble, add a line here, the same in
 * `decode-json.ts`, and the field in `flow.ts`; the equivalence test then holds the two decoders together.
 */
import {
  blankFlow,
  completeEndpoint,
  type FillableDns,
  type FillableEndpoint,
  type FillableFlow,
  type FillableHttp,
  hostName,
  portNumber,
  serviceName,
} from './blank-flow.ts';
import { EVENT_TYPE, type HttpRecord, type Protocol, TCP_FLAG } from './flow.ts';
import { L7_TYPES, nameOfNumber, TRACE_REASONS, TRAFFIC_DIRECTIONS, VERDICTS } from './hubble-enums.ts';
import {
  boolField,
  boolValueField,
  type Field,
  type Fields,
  messageField,
  numberField,
  stringField,
  timeField,
} from './protobuf-fields.ts';

/** A flow and what is needed to finish it once all its fields are read. */
export interface FlowDraft {
  flow: FillableFlow;
  eventSubType: number;
  dropReasonName: number;
  legacyReply: boolean;
  egressDeniedBy: string[];
  ingressDeniedBy: string[];
}

export function blankFlowDraft(): FlowDraft {
  return {
    flow: blankFlow(),
    eventSubType: 0,
    dropReasonName: 0,
    legacyReply: false,
    egressDeniedBy: [],
    ingressDeniedBy: [],
  };
}

/** What can be decided only when all fields are read, because they come in any order. */
export function finishFlow(draft: FlowDraft): FillableFlow {
  const { flow } = draft;
  flow.dropReason ||= draft.dropReasonName;
  if (flow.dropReason === 0 && flow.eventType === EVENT_TYPE.DROP) {
    flow.dropReason = draft.eventSubType;
  }
  if (flow.isReply === undefined && draft.legacyReply) {
    flow.isReply = true;
  }
  flow.deniedBy = [...draft.egressDeniedBy, ...draft.ingressDeniedBy];
  return flow;
}

const IP: Fields<FillableFlow> = {
  1: stringField((flow, value) => void (flow.sourceIp = value)),
  2: stringField((flow, value) => void (flow.destinationIp = value)),
};

const TCP_FLAGS: Fields<FillableFlow> = Object.fromEntries(
  // TCPFlags numbers its fields in the order of the bits.
  Object.values(TCP_FLAG).map((bit, index) => [index + 1, tcpFlag(bit)]),
);

function tcpFlag(bit: number): Field<FillableFlow> {
  return boolField((flow, isSet) => void (flow.tcpFlags |= isSet ? bit : 0));
}

function ports(protocol: string): Fields<FillableFlow> {
  return {
    1: numberField((flow, value) => void (flow.sourcePort = portNumber(value, `l4.${protocol}.source_port`))),
    2: numberField((flow, value) => void (flow.destinationPort = portNumber(value, `l4.${protocol}.destination_port`))),
  };
}

const ICMP: Fields<FillableFlow> = {
  1: numberField((flow, value) => void (flow.icmpType = value)),
  2: numberField((flow, value) => void (flow.icmpCode = value)),
};

function layer4(protocol: Protocol, fields: Fields<FillableFlow>): Field<FillableFlow> {
  return messageField((flow: FillableFlow) => {
    flow.protocol = protocol;
    if (fields === ICMP) {
      flow.icmpType = 0;
      flow.icmpCode = 0;
    }
    return flow;
  }, fields);
}

const LAYER_4: Fields<FillableFlow> = {
  1: layer4('TCP', { ...ports('TCP'), 3: messageField((flow) => flow, TCP_FLAGS) }),
  2: layer4('UDP', ports('UDP')),
  3: layer4('ICMPv4', ICMP),
  4: layer4('ICMPv6', ICMP),
  5: layer4('SCTP', ports('SCTP')),
};

interface Workload {
  kind: string;
  name: string;
}

const WORKLOAD: Fields<Workload> = {
  1: stringField((workload, value) => void (workload.name = value)),
  2: stringField((workload, value) => void (workload.kind = value)),
};

const ENDPOINT: Fields<FillableEndpoint> = {
  1: numberField((endpoint, value) => void (endpoint.id = value)),
  2: numberField((endpoint, value) => void (endpoint.identity = value)),
  3: stringField((endpoint, value) => void (endpoint.namespace = value)),
  4: stringField((endpoint, value) => void endpoint.labels.push(value)),
  5: stringField((endpoint, value) => void (endpoint.podName = value)),
  6: messageField(
    () => ({ kind: '', name: '' }),
    WORKLOAD,
    (endpoint, workload) => void (endpoint.workload ??= workload),
  ),
};

const DNS: Fields<FillableDns> = {
  1: stringField((dns, value) => void (dns.query = hostName(value))),
  2: stringField((dns, value) => void dns.ips.push(value)),
  3: numberField((dns, value) => void (dns.ttl = value)),
  4: stringField((dns, value) => void dns.cnames.push(hostName(value))),
  6: numberField((dns, value) => void (dns.rcode = value)),
  7: stringField((dns, value) => void dns.qtypes.push(value)),
  8: stringField((dns, value) => void dns.rrtypes.push(value)),
};

const HTTP: Fields<FillableHttp> = {
  1: numberField((http, value) => void (http.code = value)),
  2: stringField((http, value) => void (http.method = value)),
  3: stringField((http, value) => void (http.url = value)),
};

interface Layer7 {
  type: HttpRecord['type'];
  dns?: FillableDns;
  http?: FillableHttp;
}

function blankDns(): FillableDns {
  return { type: 'UNKNOWN', query: '', ips: [], cnames: [], qtypes: [], rrtypes: [], rcode: 0, ttl: 0 };
}

const LAYER_7: Fields<Layer7> = {
  1: numberField((layer7, value) => void (layer7.type = nameOfNumber(L7_TYPES, value))),
  100: messageField(blankDns, DNS, (layer7: Layer7, dns) => void (layer7.dns = dns)),
  101: messageField(
    (): FillableHttp => ({ type: 'UNKNOWN', code: 0, method: '', url: '' }),
    HTTP,
    (layer7: Layer7, http) => void (layer7.http = http),
  ),
};

function setLayer7({ flow }: FlowDraft, { type, dns, http }: Layer7): void {
  if (dns !== undefined) {
    flow.dns = { ...dns, type };
  } else if (http !== undefined) {
    flow.http = { ...http, type };
  }
}

interface NamedObject {
  kind: string;
  namespace: string;
  name: string;
}

function blankName(): NamedObject {
  return { kind: '', namespace: '', name: '' };
}

const NAME: Fields<NamedObject> = {
  1: stringField((object, value) => void (object.name = value)),
  2: stringField((object, value) => void (object.namespace = value)),
};

const POLICY: Fields<NamedObject> = {
  ...NAME,
  5: stringField((object, value) => void (object.kind = value)),
};

function deniedBy(side: 'egressDeniedBy' | 'ingressDeniedBy'): Field<FlowDraft> {
  return messageField(blankName, POLICY, (draft: FlowDraft, { kind, namespace, name }) => {
    draft[side].push(`${kind}/${namespace}/${name}`);
  });
}

function endpoint(side: 'source' | 'destination'): Field<FlowDraft> {
  return messageField(
    (draft: FlowDraft) => draft.flow[side],
    ENDPOINT,
    (_, filled) => completeEndpoint(filled),
  );
}

const EVENT_TYPE_FIELDS: Fields<FlowDraft> = {
  1: numberField((draft, value) => void (draft.flow.eventType = value)),
  2: numberField((draft, value) => void (draft.eventSubType = value)),
};

export const FLOW_FIELDS: Fields<FlowDraft> = {
  1: timeField(({ flow }, ms) => void (flow.timeMs = ms)),
  2: numberField(({ flow }, value) => void (flow.verdict = nameOfNumber(VERDICTS, value))),
  3: numberField(({ flow }, value) => void (flow.dropReason = value)),
  5: messageField(({ flow }) => flow, IP),
  6: messageField(({ flow }) => flow, LAYER_4),
  8: endpoint('source'),
  9: endpoint('destination'),
  11: stringField(({ flow }, value) => void (flow.nodeName = value)),
  13: stringField(({ flow }, value) => void flow.sourceNames.push(hostName(value))),
  14: stringField(({ flow }, value) => void flow.destinationNames.push(hostName(value))),
  15: messageField((): Layer7 => ({ type: 'UNKNOWN' }), LAYER_7, setLayer7),
  16: boolField((draft, value) => void (draft.legacyReply = value)),
  19: messageField((draft) => draft, EVENT_TYPE_FIELDS),
  21: messageField(blankName, NAME, ({ flow }, service) => {
    flow.destinationService = serviceName(service.namespace, service.name);
  }),
  22: numberField(({ flow }, value) => void (flow.direction = nameOfNumber(TRAFFIC_DIRECTIONS, value))),
  25: numberField((draft, value) => void (draft.dropReasonName = value)),
  26: boolValueField(({ flow }, value) => void (flow.isReply = value)),
  34: stringField(({ flow }, value) => void (flow.uuid = value)),
  36: numberField(({ flow }, value) => void (flow.traceReason = nameOfNumber(TRACE_REASONS, value))),
  21004: deniedBy('egressDeniedBy'),
  21005: deniedBy('ingressDeniedBy'),
};
