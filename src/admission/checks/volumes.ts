/**
 * What a pod may mount. Pod Security Standards: hostPath (Baseline) and the list of volume types (Restricted).
 *
 * A type that this version does not know is refused under both, since nobody can say what it would bring in.
 */
import { at, fields, isAbsent, items, type Place } from '../place.ts';
import type { PodSubject } from '../pod-subject.ts';
import { type Violation, violation } from '../violation.ts';
import { type Check, isRestricted } from './check.ts';

export const hostPath: Check = (pod) =>
  pod.volumes
    .map((volume) => ({ volume, place: at(volume, 'hostPath') }))
    .filter(({ place }) => !isAbsent(place))
    .map(({ volume, place }) =>
      concerning(
        pod,
        volume,
        violation(
          'HostPath',
          place,
          'brings files of the node into the pod. Use an emptyDir or a PersistentVolumeClaim.',
        ),
      ),
    );

export const volumeTypes: Check = (pod, rules) => {
  const allowed = isRestricted(rules) ? RESTRICTED_TYPES : [...RESTRICTED_TYPES, ...BASELINE_TYPES];
  return pod.volumes.flatMap((volume) =>
    fields(volume)
      .filter(([type]) => type !== 'name' && type !== 'hostPath' && !allowed.includes(type))
      .map(([, place]) =>
        concerning(
          pod,
          volume,
          violation(
            'VolumeTypes',
            place,
            `is not a volume type that may be used. Use one of ${RESTRICTED_TYPES.join(', ')}.`,
          ),
        ),
      ),
  );
};

/** Notes which containers mount the volume: an exemption of all of them covers it. */
export function concerning(pod: PodSubject, volume: Place, found: Violation): Violation {
  const name = at(volume, 'name').value;
  const mounts = (container: Place) =>
    [...items(at(container, 'volumeMounts')), ...items(at(container, 'volumeDevices'))].some(
      (mount) => at(mount, 'name').value === name,
    );
  return { ...found, containers: pod.containers.filter(mounts).map((container) => container.name) };
}

const RESTRICTED_TYPES: readonly string[] = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** Allowed under Baseline only; hostPath has its own check. */
const BASELINE_TYPES: readonly string[] = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'glusterfs',
  'iscsi',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
];
