/**
 * Nothing of the node: its namespaces, its ports, its processes, its kubelet as an errand boy.
 *
 * Pod Security Standards, Baseline: host namespaces, host ports, privileged containers, HostProcess, and the host field of
 * probes (since Kubernetes 1.34).
 */
import { at, isAbsent, isSet, items, type Place, text } from '../place.ts';
import type { Container } from '../pod-subject.ts';
import { type Violation, violation } from '../violation.ts';
import { type Check, perContainer } from './check.ts';

export const hostNamespaces: Check = (pod) =>
  Object.entries(HOST_NAMESPACES)
    .map(([key, rule]) => ({ place: at(pod.spec, key), rule }))
    .filter(({ place }) => isSet(place))
    .map(({ place, rule }) => violation('HostNamespaces', place, `${rule} Leave ${place.path} out.`));

export const privileged: Check = (pod) => [
  ...hostProcess(pod.securityContext),
  ...perContainer(pod, ({ securityContext }) => [
    ...only(
      isSet(at(securityContext, 'privileged')),
      violation(
        'Privileged',
        at(securityContext, 'privileged'),
        'a privileged container is root on the node. Set it to false or leave it out.',
      ),
    ),
    ...hostProcess(securityContext),
  ]),
];

export const hostPorts: Check = (pod) =>
  perContainer(pod, (container) =>
    items(at(container, 'ports'))
      .map((port) => at(port, 'hostPort'))
      .filter((port) => !isAbsent(port) && port.value !== 0)
      .map((port) =>
        violation('HostPorts', port, 'a host port opens the pod on the node’s own address. Leave hostPort out.'),
      ),
  );

/** The kubelet sends probes and hooks from the node, where no policy of the pod holds: a host in them is a way around it. */
export const hostProbes: Check = (pod) =>
  perContainer(pod, (container) =>
    handlers(container)
      .flatMap((handler) => [at(handler, 'httpGet', 'host'), at(handler, 'tcpSocket', 'host')])
      .filter((host) => (text(host) ?? '') !== '')
      .map((host) =>
        violation(
          'HostProbes',
          host,
          'the kubelet would send this from the node, past every network policy. Leave host out, so that it goes to the pod itself.',
        ),
      ),
  );

function handlers(container: Container): Place[] {
  return [
    ...['livenessProbe', 'readinessProbe', 'startupProbe'].map((probe) => at(container, probe)),
    ...['postStart', 'preStop'].map((hook) => at(container, 'lifecycle', hook)),
  ];
}

function hostProcess(securityContext: Place): Violation[] {
  const place = at(securityContext, 'windowsOptions', 'hostProcess');
  return only(
    isSet(place),
    violation('Privileged', place, 'a HostProcess container runs on the node itself. Leave it out.'),
  );
}

function only(broken: boolean, found: Violation): Violation[] {
  return broken ? [found] : [];
}

const HOST_NAMESPACES = {
  hostNetwork:
    'no network policy holds a pod on the host network, so neither the rules of the sandbox nor a quarantine would.',
  hostPID: 'the pod would see and signal every process of the node.',
  hostIPC: 'the pod would share memory with the processes of the node.',
};
