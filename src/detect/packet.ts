/**
 * What one flow says by itself, whoever it is about: whether it was denied, and whether it opens something.
 */
import { EVENT_TYPE, type Flow, POLICY_DROP_REASON, TCP_FLAG } from '../flows/flow.ts';

/** Whether a policy said no, or in audit mode would have. Every other reason for a drop is noise of the datapath. */
export function isDenial(flow: Flow): boolean {
  if (flow.verdict === 'AUDIT') {
    return true;
  }
  return flow.verdict === 'DROPPED' && (flow.eventType === EVENT_TYPE.L7 || POLICY_REASONS.has(flow.dropReason));
}

/** Whether the packet opens something: a SYN, or whatever else the kernel takes for new. */
export function isOpening(flow: Flow): boolean {
  if (flow.protocol !== 'TCP') {
    return true;
  }
  if ((flow.tcpFlags & TCP_FLAG.ACK) !== 0) {
    return false;
  }
  // FIN, NULL and XMAS scans carry no SYN, but no real connection sends a packet without ACK either.
  return (flow.tcpFlags & TCP_FLAG.SYN) !== 0 || flow.traceReason === 'NEW' || isDenial(flow);
}

const POLICY_REASONS: ReadonlySet<number> = new Set(Object.values(POLICY_DROP_REASON));
