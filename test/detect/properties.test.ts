import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Finding } from '../../src/detect/finding.ts';
import { type Judged, judge } from './scenario.ts';
import { arriving, story } from './stories.ts';

const RUNS = { numRuns: 60 };
const delays = fc.array(fc.nat(1999), { minLength: 1, maxLength: 50 });

function final({ findings }: Judged): Finding[] {
  return findings;
}

describe('for any story', () => {
  test('scores stay within 0 and 100, and the pod’s is none below its strongest finding’s', () => {
    fc.assert(
      fc.property(story, (flows) => {
        const { told, open } = judge(flows);
        for (const { score, podScore, classes, evidence, action, raisedAtMs, firstSeenMs, lastSeenMs } of [
          ...told,
          ...open,
        ]) {
          expect(score).toBeGreaterThanOrEqual(0);
          expect(podScore).toBeLessThanOrEqual(100);
          expect(podScore).toBeGreaterThanOrEqual(score);
          expect(classes).toBeLessThanOrEqual(new Set(evidence.map((one) => one.class)).size);
          expect(firstSeenMs).toBeLessThanOrEqual(lastSeenMs);
          expect(action === 'none' || raisedAtMs >= firstSeenMs).toBe(true);
        }
      }),
      RUNS,
    );
  });

  test('the order of arrival within the lateness changes nothing', () => {
    fc.assert(
      fc.property(story, delays, (flows, late) => {
        expect(final(judge(arriving(flows, late), { inOrder: false }))).toEqual(final(judge(flows)));
      }),
      RUNS,
    );
  });

  test('hearing everything twice changes nothing', () => {
    fc.assert(
      fc.property(story, delays, (flows, late) => {
        const twice = arriving([...flows, ...flows], [0, ...late]);
        expect(final(judge(twice, { inOrder: false }))).toEqual(final(judge(flows)));
      }),
      RUNS,
    );
  });

  test('copies under other ids change no decision', () => {
    fc.assert(
      fc.property(story, (flows) => {
        const copies = flows.map((flow) => ({ ...flow, uuid: `copy-${flow.uuid}` }));
        const decisions = (judged: Judged) =>
          judged.findings.map(({ key, action, raisedAtMs, score, podScore, count }) => ({
            key,
            action,
            raisedAtMs,
            score,
            podScore,
            count,
          }));
        expect(decisions(judge([...flows, ...copies]))).toEqual(decisions(judge(flows)));
      }),
      RUNS,
    );
  });

  test('the last word about a finding is never less than an earlier one', () => {
    fc.assert(
      fc.property(story, (flows) => {
        const highest = new Map<string, number>();
        const rungs = ['none', 'watch', 'alert', 'restrict', 'quarantine'];
        for (const { key, action } of judge(flows).told) {
          const rung = rungs.indexOf(action);
          expect(rung).toBeGreaterThanOrEqual(highest.get(key) ?? 0);
          highest.set(key, rung);
        }
      }),
      RUNS,
    );
  });

  test('tables smaller than the story bound it, and nothing fails', () => {
    fc.assert(
      fc.property(story, (flows) => {
        const { open } = judge(flows, { limits: { connections: 4, names: 4, findings: 2, maxWaiting: 10 } });
        expect(open.length).toBeLessThanOrEqual(2);
      }),
      RUNS,
    );
  });
});
