/**
 * The workers of the training job, as the sample sandbox admits them. No node runs them here: their traffic is recorded.
 */

/** A pod that meets config/samples/rl-agents.yaml. */
export function workerPod(namespace: string, name: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels: { app: 'agent' } },
    spec: {
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'worker',
          image: 'registry.example.com/rl/rollout:1.4',
          resources: { limits: { cpu: '2', memory: '8Gi' } },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
}
