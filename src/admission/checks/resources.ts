/**
 * What a pod may use up, and what it runs on: CPU and memory limits, runtime classes.
 */
import { at, isAbsent, type Place } from '../place.ts';
import { violation } from '../violation.ts';
import { type Check, perContainer } from './check.ts';

export const limits: Check = (pod, rules) => {
  if (!rules.requireLimits) {
    return [];
  }
  const limitOf = (place: Place, resource: string) => at(place, 'resources', 'limits', resource);
  const needed = RESOURCES.filter((resource) => !isLimit(limitOf(pod.spec, resource)));
  return perContainer(pod, (container) =>
    // The API server lets nobody give an ephemeral container resources: it shares those of the pod.
    container.kind === 'ephemeralContainers'
      ? []
      : needed
          .map((resource) => limitOf(container, resource))
          .filter((limit) => !isLimit(limit))
          .map((limit) =>
            violation('Limits', limit, 'the container may use all of the node. Set a limit greater than zero.'),
          ),
  );
};

export const runtimeClass: Check = (pod, rules) => {
  const place = at(pod.spec, 'runtimeClassName');
  const allowed = rules.runtimeClassNames;
  if (isAbsent(place) && allowed.length === 0) {
    return [];
  }
  if (typeof place.value === 'string' && allowed.includes(place.value)) {
    return [];
  }
  const remedy =
    allowed.length === 0 ? 'the sandbox names no RuntimeClass. Leave it out' : `must be one of ${allowed.join(', ')}`;
  return [violation('RuntimeClass', place, `${remedy}, or change spec.admission.runtimeClassNames.`)];
};

/** A quantity above zero: a limit of zero means none to the container runtime. */
function isLimit({ value }: Place): boolean {
  const amount = typeof value === 'number' ? String(value) : value;
  return typeof amount === 'string' && QUANTITY.test(amount);
}

const RESOURCES = ['cpu', 'memory'];

/** Number with at least one digit that is not 0, and a suffix or exponent as in resource.Quantity. */
const QUANTITY = /^\+?(?=[0.]*[1-9])[0-9]*\.?[0-9]*([eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i)?$/;
