/**
 * Fields that this version stores but does not act on. They are reported in status, so that nobody relies on them.
 *
 * A field leaves this list in the change that makes it work.
 */
import type { AgentSandboxSpec } from './agent-sandbox.ts';

/**
 * @returns the paths of such fields that are set to something, sorted; at most 64, as status can hold.
 * @example
 * notYetEnforcedFields(spec) // ['spec.admission.budget', 'spec.egress.allow[api].http']
 */
export function notYetEnforcedFields(spec: AgentSandboxSpec): string[] {
  const fields = [...CHECKS.filter(([, isSet]) => isSet(spec)).map(([field]) => field), ...listedFields(spec)].sort();
  return fields.length <= MOST ? fields : [...fields.slice(0, MOST - 1), `and ${fields.length - MOST + 1} more`];
}

const CHECKS: readonly (readonly [string, (spec: AgentSandboxSpec) => boolean])[] = [
  ['spec.selector.targetRef', ({ selector }) => selector.targetRef !== undefined],
  ['spec.admission.budget', ({ admission }) => admission.budget !== undefined],
  ['spec.admission.exec', ({ admission }) => admission.exec !== 'Allowed'],
  ['spec.detection.sensitivity', ({ detection }) => detection.sensitivity !== 'Balanced'],
  ['spec.response.action', ({ response }) => isLaterAction(response.action)],
  ['spec.response.quarantine.ttl', ({ response }) => response.quarantine.ttl !== undefined],
  ['spec.response.circuitBreaker', ({ response }) => response.circuitBreaker !== undefined],
  ['spec.response.blastRadius', ({ response }) => response.blastRadius !== undefined],
];

function listedFields({ egress, detection }: AgentSandboxSpec): string[] {
  const http = egress.allow
    .filter((rule) => rule.http !== undefined)
    .map(({ name }) => `spec.egress.allow[${name}].http`);
  const presets = egress.allow.flatMap(({ name, to }) =>
    to.flatMap(({ preset }, index) => (preset === undefined ? [] : [`spec.egress.allow[${name}].to[${index}].preset`])),
  );
  const actions = detection.detectors
    .filter(({ action }) => isLaterAction(action))
    .map(({ name }) => `spec.detection.detectors[${name}].action`);
  return [...http, ...presets, ...actions];
}

function isLaterAction(action: string): boolean {
  return action === 'Restrict' || action === 'Suspend';
}

/** maxItems of status.notYetEnforced. */
const MOST = 64;
