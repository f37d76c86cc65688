/**
 * Lets go what people have approved to let go. From here on the incident holds nothing; the policies of this same pass
 * follow from that.
 */
import { APPROVED, DEFAULT_RELEASE_TERMS, newApprovals, type ReleaseTerms, releaseState } from '../../respond/hold.ts';
import { type IncidentDraft, noted, type Pass } from '../pass.ts';

export async function settleReleases(pass: Pass): Promise<void> {
  for (const draft of pass.incidents) {
    if (draft.status.phase !== 'Released' && draft.status.phase !== 'Dismissed') {
      settle(pass, draft, draft.incident.spec.release ?? DEFAULT_RELEASE_TERMS);
    }
  }
}

function settle(pass: Pass, draft: IncidentDraft, terms: ReleaseTerms): void {
  for (const { approver, reason } of newApprovals(draft.status)) {
    draft.status = noted(draft.status, pass.now, approver, `${APPROVED}${reason}`);
  }
  const release = releaseState(draft.status, terms, pass.now);
  if (release.state === 'CoolingDown') {
    const wait = release.until.getTime() - pass.now.getTime();
    pass.requeueAfterMs = Math.min(pass.requeueAfterMs ?? wait, wait);
  }
  if (release.state === 'Due') {
    const phase = draft.incident.spec.response === 'Quarantine' ? 'Released' : 'Dismissed';
    draft.holds = false;
    draft.status = noted({ ...draft.status, phase }, pass.now, release.approvers.join(', '), phase);
  }
}
