/**
 * A finding for tests, with what a test cares about laid over.
 */
import type { Finding } from '../../src/detect/finding.ts';

export function finding(over: Partial<Finding> = {}): Finding {
  return {
    key: 'ReverseTunnel/uid-rollout-0/203.0.113.10',
    detector: 'ReverseTunnel',
    pod: { namespace: 'agents', name: 'rollout-0', uid: 'uid-rollout-0', sandbox: 'rl' },
    target: '203.0.113.10:22',
    title: 'Reverse tunnel to 203.0.113.10:22',
    explanation: 'direct-IP SSH to 203.0.113.10:22, 4 pivots',
    score: 84,
    podScore: 84,
    severity: 'High',
    classes: 3,
    action: 'quarantine',
    raisedAtMs: Date.parse('2026-11-22T09:55:00Z'),
    firstSeenMs: Date.parse('2026-11-22T09:45:00Z'),
    lastSeenMs: Date.parse('2026-11-22T09:55:00Z'),
    count: 1,
    evidence: [],
    flows: [],
    attack: ['T1572'],
    atlas: [],
    degraded: false,
    ...over,
  };
}
