/**
 * Tells apart the conversations of a recording: which were held through a window, which lie wholly in it, which it cuts.
 *
 * A conversation is what two sockets say to each other, whichever way a flow goes. `stretch.ts` decides what to do with each.
 */

/** The fields of a line of `hubble observe -o jsonpb` that are read or changed here; all others are carried along. */
export interface RecordedEvent {
  time: string;
  flow?: RecordedFlow;
}

export interface RecordedFlow {
  time: string;
  uuid: string;
  verdict: string;
  IP?: { source: string; destination: string };
  l4?: { TCP?: Ports & { flags?: { SYN?: boolean; ACK?: boolean; FIN?: boolean; RST?: boolean } }; UDP?: Ports };
}

interface Ports {
  source_port?: number;
  destination_port?: number;
}

export interface Conversation {
  /** `held`: older than the window and alive at its end. `whole`: begun and over within it. `cut`: neither. */
  shape: 'held' | 'whole' | 'cut';
  /** The address whose port is ephemeral. */
  initiator: string;
  /** Key it would have if its initiator used another port. */
  keyWithPort(port: number): string;
}

/** The same for both directions; undefined for a flow without two ports. */
export function conversationKey(flow: RecordedFlow): string | undefined {
  const tuple = tupleOf(flow);
  return tuple && keyOf(tuple);
}

/** Every conversation of the events, by key, with its shape relative to a window from `fromMs` to the last event. */
export function conversationsIn(events: readonly RecordedEvent[], fromMs: number): Map<string, Conversation> {
  const byKey = new Map<string, RecordedEvent[]>();
  for (const event of events) {
    const key = event.flow && conversationKey(event.flow);
    if (key === undefined) continue;
    const members = byKey.get(key);
    if (members === undefined) byKey.set(key, [event]);
    else members.push(event);
  }
  const conversations = new Map<string, Conversation>();
  for (const [key, members] of byKey) {
    const conversation = conversationOf(members, fromMs);
    if (conversation !== undefined) conversations.set(key, conversation);
  }
  return conversations;
}

/** Gives the initiator's end of the flow another port. */
export function withPort(flow: RecordedFlow, conversation: Conversation, port: number): void {
  const ports = flow.l4?.TCP ?? flow.l4?.UDP;
  if (ports === undefined) return;
  if (flow.IP?.source === conversation.initiator) ports.source_port = port;
  else ports.destination_port = port;
}

function conversationOf(members: readonly RecordedEvent[], fromMs: number): Conversation | undefined {
  const opening = members.find((event) => isOpening(event.flow)) ?? members[0];
  const tuple = opening?.flow && tupleOf(opening.flow);
  if (tuple === undefined) return undefined;
  return {
    shape: shapeOf(members, fromMs),
    initiator: tuple.source,
    keyWithPort: (port) => keyOf({ ...tuple, sourcePort: port }),
  };
}

function shapeOf(members: readonly RecordedEvent[], fromMs: number): Conversation['shape'] {
  const isOlder = members.some((event) => Date.parse(event.time) < fromMs);
  const isUdp = members.every((event) => event.flow?.l4?.TCP === undefined);
  const isOver = members.some((event) => isClosing(event.flow));
  if (isOlder) return isOver ? 'cut' : 'held';
  const isRefused = members.every((event) => event.flow?.verdict === 'DROPPED');
  const isBegun = members.some((event) => isOpening(event.flow));
  return isUdp || isRefused || (isBegun && isOver) ? 'whole' : 'cut';
}

function isOpening(flow: RecordedFlow | undefined): boolean {
  const flags = flow?.l4?.TCP?.flags;
  return flags?.SYN === true && flags.ACK !== true;
}

function isClosing(flow: RecordedFlow | undefined): boolean {
  const flags = flow?.l4?.TCP?.flags;
  return flags?.FIN === true || flags?.RST === true;
}

interface Tuple {
  protocol: 'TCP' | 'UDP';
  source: string;
  sourcePort: number;
  destination: string;
  destinationPort: number;
}

function tupleOf(flow: RecordedFlow): Tuple | undefined {
  const ports = flow.l4?.TCP ?? flow.l4?.UDP;
  if (flow.IP === undefined || !ports?.source_port || !ports.destination_port) return undefined;
  return {
    protocol: flow.l4?.TCP ? 'TCP' : 'UDP',
    source: flow.IP.source,
    sourcePort: ports.source_port,
    destination: flow.IP.destination,
    destinationPort: ports.destination_port,
  };
}

function keyOf(tuple: Tuple): string {
  const ends = [`${tuple.source}:${tuple.sourcePort}`, `${tuple.destination}:${tuple.destinationPort}`];
  return `${tuple.protocol} ${ends.sort().join(' ')}`;
}
