/**
 * Which images may run, and be mounted: by glob, by digest.
 */
import { printable } from '../../api/v1alpha1/display.ts';
import { matchesImage, parseImage } from '../image.ts';
import { at, isAbsent, type Place } from '../place.ts';
import { type Violation, violation } from '../violation.ts';
import { type AdmissionRules, type Check, perContainer } from './check.ts';
import { concerning } from './volumes.ts';

export const images: Check = (pod, rules) => {
  if (rules.images.allowed.length === 0 && !rules.images.requireDigest) {
    return [];
  }
  return [
    ...perContainer(pod, (container) => judgeImage(at(container, 'image'), rules)),
    ...pod.volumes
      .filter((volume) => !isAbsent(at(volume, 'image')))
      .flatMap((volume) =>
        judgeImage(at(volume, 'image', 'reference'), rules).map((found) => concerning(pod, volume, found)),
      ),
  ];
};

function judgeImage(place: Place, rules: AdmissionRules): Violation[] {
  const { allowed, requireDigest } = rules.images;
  const image = typeof place.value === 'string' ? parseImage(place.value) : undefined;
  if (image === undefined) {
    return [violation('Images', place, 'is not an image reference. Name registry, repository and tag or digest.')];
  }
  const found: Violation[] = [];
  if (allowed.length > 0 && !allowed.some((glob) => matchesImage(glob, image))) {
    const globs = allowed.slice(0, MAX_SHOWN).map((glob) => printable(glob));
    const shown = [...globs, ...(allowed.length > MAX_SHOWN ? ['…'] : [])].join(', ');
    found.push(
      violation(
        'Images',
        place,
        `is not an image of this sandbox. Use one that matches ${shown}, or add it to spec.admission.images.allowed.`,
      ),
    );
  }
  if (requireDigest && image.digest === undefined) {
    found.push(violation('Images', place, 'is not named by digest, so what runs could change. Append @sha256:….'));
  }
  return found;
}

const MAX_SHOWN = 5;
