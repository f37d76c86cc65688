/**
 * Tells flows that a quarantine itself has caused: packets of a pod that is cut off, dropped.
 *
 * A program that is cut off tries again, and would by that alone look like one that probes and insists. Judged as evidence
 * it would hold the pod beyond its release. What such a pod still gets through is judged like anything else.
 */
import { QUARANTINE_LABEL } from '../../api/v1alpha1/labels.ts';
import type { Flow, FlowEndpoint } from '../../flows/flow.ts';
import type { WorldStores } from '../../kube/world.ts';

export function createEchoFilter({ pods }: Pick<WorldStores, 'pods'>): (flow: Flow) => boolean {
  const isCutOff = ({ namespace, podName }: FlowEndpoint): boolean =>
    podName !== '' && pods.get(namespace, podName)?.labels[QUARANTINE_LABEL] !== undefined;
  return (flow) => flow.verdict === 'DROPPED' && (isCutOff(flow.source) || isCutOff(flow.destination));
}
