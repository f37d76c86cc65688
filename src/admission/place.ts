/**
 * Reads an object that nobody has checked: a pod from a webhook request or from a file.
 *
 * A place is a value and the path to it, as people write paths (`spec.containers[0].image`), so that whatever is found
 * there can be named in a refusal. What is absent reads as undefined; what has the wrong shape throws Unjudgeable, which
 * becomes a refusal: a pod that cannot be read is not admitted.
 */

export interface Place {
  readonly path: string;
  readonly value: unknown;
}

/** The object is not shaped as its kind demands, so nothing can be said of it. */
export class Unjudgeable extends Error {
  override readonly name = 'Unjudgeable';
  readonly place: Place;
  constructor(place: Place, expected: string) {
    super(`cannot be read: must be ${expected}`);
    this.place = place;
  }
}

/**
 * The field below, and below that, and so on.
 *
 * @example
 * at(container, 'securityContext', 'privileged')
 */
export function at(place: Place, ...keys: readonly string[]): Place {
  return keys.reduce(child, place);
}

/** The entries of a list; none when it is absent. */
export function items(place: Place): Place[] {
  if (isAbsent(place)) {
    return [];
  }
  if (!Array.isArray(place.value)) {
    throw new Unjudgeable(place, 'a list');
  }
  return place.value.map((value: unknown, index) => ({ path: `${place.path}[${index}]`, value }));
}

/** The fields of an object that are set; none when it is absent. */
export function fields(place: Place): [key: string, field: Place][] {
  return Object.keys(record(place) ?? {})
    .map((key): [string, Place] => [key, child(place, key)])
    .filter(([, field]) => !isAbsent(field));
}

/** A string; undefined when absent. */
export function text(place: Place): string | undefined {
  if (isAbsent(place)) {
    return undefined;
  }
  if (typeof place.value !== 'string') {
    throw new Unjudgeable(place, 'a string');
  }
  return place.value;
}

/** A flag that does harm when set: everything but false and absence counts as set. */
export function isSet(place: Place): boolean {
  return !isAbsent(place) && place.value !== false;
}

export function isAbsent(place: Place): boolean {
  return place.value === undefined || place.value === null;
}

function child(place: Place, key: string): Place {
  const parent = record(place);
  const path = PLAIN_KEY.test(key) ? [place.path, key].filter(Boolean).join('.') : `${place.path}[${key}]`;
  return { path, value: parent !== undefined && Object.hasOwn(parent, key) ? parent[key] : undefined };
}

function record(place: Place): Readonly<Record<string, unknown>> | undefined {
  if (isAbsent(place)) {
    return undefined;
  }
  if (typeof place.value !== 'object' || Array.isArray(place.value)) {
    throw new Unjudgeable(place, 'an object');
  }
  return place.value as Record<string, unknown>;
}

const PLAIN_KEY = /^[A-Za-z][A-Za-z0-9]*$/;
