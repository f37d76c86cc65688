/**
 * A pod as the checks see it: its parts with their paths, whoever wrote it.
 *
 * All three kinds of containers are alike to a check, because each of them runs code in the pod; what is not a pod at all
 * throws Unjudgeable.
 */
import { at, items, type Place, text, Unjudgeable } from './place.ts';

export type ContainerKind = 'containers' | 'initContainers' | 'ephemeralContainers';

export interface Container extends Place {
  readonly kind: ContainerKind;
  readonly name: string;
  readonly image: string | undefined;
  readonly securityContext: Place;
}

export interface PodSubject {
  readonly metadata: Place;
  readonly spec: Place;
  readonly securityContext: Place;
  readonly containers: readonly Container[];
  readonly volumes: readonly Place[];
}

/** @throws Unjudgeable when it is not shaped like a pod. */
export function podSubject(pod: unknown): PodSubject {
  const root = { path: '', value: pod };
  const spec = at(root, 'spec');
  const containers = readContainers(spec);
  if (!containers.some(({ kind }) => kind === 'containers')) {
    throw new Unjudgeable(at(spec, 'containers'), 'a list with at least one container');
  }
  return {
    metadata: at(root, 'metadata'),
    spec,
    securityContext: at(spec, 'securityContext'),
    containers,
    volumes: items(at(spec, 'volumes')),
  };
}

/** The containers of a pod; none when it cannot be read. */
export function containersOf(pod: unknown): readonly Container[] {
  try {
    return podSubject(pod).containers;
  } catch (error) {
    if (error instanceof Unjudgeable) {
      return [];
    }
    throw error;
  }
}

/** Labels of an object; what is not a string counts as absent, as no selector could match it. */
export function labelsOf(object: unknown): Record<string, string> {
  const metadata = recordOf(recordOf(object)['metadata']);
  const pairs = Object.entries(recordOf(metadata['labels']));
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string'));
}

function readContainers(spec: Place): Container[] {
  return CONTAINER_KINDS.flatMap((kind) => items(at(spec, kind)).map((place) => container(place, kind)));
}

function container(place: Place, kind: ContainerKind): Container {
  return {
    ...place,
    kind,
    name: text(at(place, 'name')) ?? '',
    image: text(at(place, 'image')),
    securityContext: at(place, 'securityContext'),
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

const CONTAINER_KINDS = ['initContainers', 'containers', 'ephemeralContainers'] as const;
