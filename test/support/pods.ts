/**
 * A pod that passes every check, and a sandbox with everything at its default, for tests that change one thing.
 */
import type { AgentSandboxSpec } from '../../src/api/v1alpha1/agent-sandbox.ts';
import { API_VERSION } from '../../src/api/v1alpha1/labels.ts';
import type { AgentSandbox } from '../../src/api/v1alpha1/types.ts';

/** The parts of a pod that tests write to; anything may be put anywhere. */
// oxlint-disable-next-line typescript/no-explicit-any
export type LoosePod = any;

/** A pod of `sandbox()` that meets Restricted, holds no token and has limits. */
export function goodPod(): LoosePod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'trainer-0', namespace: 'team-a', labels: { app: 'trainer' } },
    spec: {
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [goodContainer('main')],
      initContainers: [goodContainer('setup')],
      volumes: [{ name: 'scratch', emptyDir: {} }],
    },
  };
}

/** A container that meets Restricted. */
export function goodContainer(name: string): LoosePod {
  return {
    name,
    image: 'registry.example.com/agents/trainer:1.2',
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    resources: { limits: { cpu: '1', memory: '1Gi' } },
    volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
  };
}

/** What a test may set differently; admission is merged over the defaults. */
export interface SandboxChanges {
  name?: string;
  mode?: AgentSandboxSpec['mode'];
  selector?: AgentSandboxSpec['selector'];
  bandwidth?: string;
  admission?: Partial<AgentSandboxSpec['admission']>;
  status?: AgentSandbox['status'];
}

/** Selects `app: trainer` in team-a, with the defaults of the API. */
export function sandbox(changes: SandboxChanges = {}): AgentSandbox {
  return {
    apiVersion: API_VERSION,
    kind: 'AgentSandbox',
    metadata: { name: changes.name ?? 'trainers', namespace: 'team-a', generation: 1 },
    spec: {
      mode: changes.mode ?? 'Enforce',
      selector: changes.selector ?? { podSelector: { matchLabels: { app: 'trainer' } } },
      egress: {
        allow: [],
        dns: { resolvers: [], names: [] },
        ...(changes.bandwidth === undefined ? {} : { bandwidth: changes.bandwidth }),
      },
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
        ...changes.admission,
      },
      detection: { sensitivity: 'Balanced', detectors: [], exemptions: [] },
      response: {
        action: 'Quarantine',
        quarantine: { keepPod: true },
        release: { approvals: 1, cooldown: '0s' },
      },
    },
    ...(changes.status === undefined ? {} : { status: changes.status }),
  };
}
