/**
 * Writes into a new approval of an AgentIncident who gave it, and when.
 *
 * Only fills in. Who may approve, and that nothing else changes, is a ValidatingAdmissionPolicy (config/admission), which
 * holds when Bulkhead is down; then a person writes the own name into `approver` by hand.
 */
import type { AdmissionRequest, JsonPatchOp } from '../api/admission-review.ts';
import { pointer } from './json-patch.ts';
import { at, items, type Place, Unjudgeable } from './place.ts';

/** The patch for an update of `agentincidents/status`. */
export function stampApproval(request: AdmissionRequest, now: Date): JsonPatchOp[] {
  const { username } = request.userInfo;
  if (username === undefined || username === '') {
    return [];
  }
  try {
    const known = approvals(request.oldObject).length;
    return approvals(request.object).flatMap((approval, index) =>
      index < known ? [] : stamp(approval, index, { username, time: now.toISOString() }),
    );
  } catch (error) {
    if (error instanceof Unjudgeable) {
      return [];
    }
    throw error;
  }
}

function approvals(incident: unknown): Place[] {
  return items(at({ path: '', value: incident }, 'status', 'approvals'));
}

/** A name that is there already stays: if it is not the caller's, the policy refuses it. The time is never the caller's. */
function stamp(approval: Place, index: number, by: { username: string; time: string }): JsonPatchOp[] {
  const approver = at(approval, 'approver').value;
  const isNamed = approver !== undefined && approver !== null && approver !== '';
  const path = (key: string) => pointer('status', 'approvals', index, key);
  return [
    ...(isNamed ? [] : [{ op: 'add' as const, path: path('approver'), value: by.username }]),
    { op: 'add', path: path('time'), value: by.time },
  ];
}
