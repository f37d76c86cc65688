/**
 * No key that the sandbox does not name: neither the cluster's own token nor a Secret.
 *
 * Image pull secrets do not count: the kubelet uses them, the pod never sees them.
 */
import { at, fields, isAbsent, items, type Place } from '../place.ts';
import type { Container, PodSubject } from '../pod-subject.ts';
import { violation } from '../violation.ts';
import { type Check, perContainer } from './check.ts';
import { concerning } from './volumes.ts';

export const serviceAccountToken: Check = (pod, rules) => {
  if (rules.serviceAccountToken === 'Allowed') {
    return [];
  }
  const automount = at(pod.spec, 'automountServiceAccountToken');
  return [
    ...(automount.value === false
      ? []
      : [violation('ServiceAccountToken', automount, 'the pod would hold a Kubernetes API token. Set it to false.')]),
    ...projectedSources(pod).flatMap(({ volume, source }) =>
      CLUSTER_CREDENTIALS.map((kind) => at(source, kind))
        .filter((place) => !isAbsent(place))
        .map((place) =>
          concerning(
            pod,
            volume,
            violation('ServiceAccountToken', place, 'is a credential for the Kubernetes API. Remove it.'),
          ),
        ),
    ),
  ];
};

export const secrets: Check = (pod, rules) => {
  const foreign = ({ value }: Place) => typeof value !== 'string' || !rules.secrets.allowed.includes(value);
  const refuse = (place: Place) =>
    violation(
      'Secrets',
      place,
      'is a Secret that the sandbox does not name. Remove it, or add it to spec.admission.secrets.allowed.',
    );
  return [
    ...pod.volumes.flatMap((volume) =>
      secretsOfVolume(volume)
        .filter(foreign)
        .map((place) => concerning(pod, volume, refuse(place))),
    ),
    ...perContainer(pod, (container) => secretsOfEnvironment(container).filter(foreign).map(refuse)),
  ];
};

function secretsOfEnvironment(container: Container): Place[] {
  const references = [
    ...items(at(container, 'env')).map((variable) => at(variable, 'valueFrom', 'secretKeyRef')),
    ...items(at(container, 'envFrom')).map((source) => at(source, 'secretRef')),
  ];
  return references.filter((reference) => !isAbsent(reference)).map((reference) => at(reference, 'name'));
}

/** The Secrets behind a volume: its own kind, projected ones, and those a storage driver is handed on its behalf. */
function secretsOfVolume(volume: Place): Place[] {
  const secret = at(volume, 'secret');
  const projected = items(at(volume, 'projected', 'sources')).map((source) => at(source, 'secret'));
  const driver = fields(volume)
    .filter(([type]) => DRIVER_TYPES.has(type))
    .flatMap(([, source]) => fields(source));
  return [
    ...named(isAbsent(secret) ? [] : [secret], 'secretName'),
    ...named(projected, 'name'),
    ...named(
      driver.filter(([key]) => SECRET_REFERENCES.has(key)).map(([, reference]) => reference),
      'name',
    ),
    ...driver.filter(([key]) => key === 'secretName').map(([, name]) => name),
  ];
}

function named(references: readonly Place[], key: string): Place[] {
  return references.filter((reference) => !isAbsent(reference)).map((reference) => at(reference, key));
}

function projectedSources(pod: PodSubject): { volume: Place; source: Place }[] {
  return pod.volumes.flatMap((volume) =>
    items(at(volume, 'projected', 'sources')).map((source) => ({ volume, source })),
  );
}

/** A pod certificate names the pod to the API server as a token does. */
const CLUSTER_CREDENTIALS = ['serviceAccountToken', 'podCertificate'];

/** Volume types whose source may name a Secret. */
const DRIVER_TYPES: ReadonlySet<string> = new Set([
  'azureFile',
  'cephfs',
  'cinder',
  'csi',
  'flexVolume',
  'iscsi',
  'rbd',
  'scaleIO',
  'storageos',
]);

const SECRET_REFERENCES: ReadonlySet<string> = new Set(['secretRef', 'nodePublishSecretRef']);
