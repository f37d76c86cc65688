/**
 * Objects for tests: the smallest valid ones, with what a test cares about laid over.
 */
import type { AgentIncidentSpec } from '../../src/api/v1alpha1/agent-incident.ts';
import type { AgentSandboxSpec } from '../../src/api/v1alpha1/agent-sandbox.ts';
import type { AgentIncident, AgentSandbox } from '../../src/api/v1alpha1/types.ts';
import type { PodView } from '../../src/reconcile/ports.ts';

/** A spec with every default of the CRD written out. */
export function sandboxSpec(over: Partial<AgentSandboxSpec> = {}): AgentSandboxSpec {
  return {
    mode: 'Enforce',
    selector: { podSelector: { matchLabels: { app: 'agent' } } },
    egress: { allow: [], dns: { resolvers: [], names: [] } },
    ingress: { allow: [] },
    admission: {
      podSecurity: 'Restricted',
      runtimeClassNames: [],
      images: { allowed: [], requireDigest: false },
      serviceAccountToken: 'Denied',
      secrets: { allowed: [] },
      requireLimits: true,
      exec: 'Allowed',
      exemptions: [],
    },
    detection: { sensitivity: 'Balanced', detectors: [], exemptions: [] },
    response: {
      action: 'Quarantine',
      quarantine: { keepPod: true },
      release: { approvals: 1, cooldown: '0s' },
    },
    ...over,
  };
}

export function sandbox(name: string, spec: Partial<AgentSandboxSpec> = {}): AgentSandbox {
  return {
    apiVersion: 'bulkhead.dev/v1alpha1',
    kind: 'AgentSandbox',
    metadata: {
      namespace: 'agents',
      name,
      uid: `uid-${name}`,
      generation: 1,
      creationTimestamp: '2026-11-22T09:00:00Z',
    },
    spec: sandboxSpec(spec),
  };
}

export function pod(name: string, over: Partial<PodView> = {}): PodView {
  return {
    namespace: 'agents',
    name,
    uid: `uid-${name}`,
    labels: { app: 'agent' },
    nodeName: 'node-1',
    hostNetwork: false,
    serviceAccount: 'default',
    images: ['registry.example/agent:1'],
    owner: undefined,
    phase: 'Running',
    startTime: '2026-11-22T09:30:00Z',
    creationTimestamp: '2026-11-22T09:30:00Z',
    terminating: false,
    ...over,
  };
}

export function incident(name: string, spec: Partial<AgentIncidentSpec> = {}): AgentIncident {
  return {
    apiVersion: 'bulkhead.dev/v1alpha1',
    kind: 'AgentIncident',
    metadata: { namespace: 'agents', name, uid: `uid-${name}`, generation: 1 },
    spec: {
      sandbox: 'rl',
      pod: { name: 'rollout-0' },
      detector: 'ReverseTunnel',
      findingKey: name,
      title: 'Reverse tunnel',
      explanation: 'ssh -R to 203.0.113.10:22',
      score: 90,
      podScore: 90,
      severity: 'Critical',
      confidence: 'High',
      action: 'Quarantine',
      response: 'Quarantine',
      attack: ['T1572'],
      atlas: [],
      evidence: [],
      flows: [],
      degraded: false,
      ...spec,
    },
  };
}
