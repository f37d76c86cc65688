/**
 * What a process in the pod may do: capabilities, users, set-user-ID files, /proc.
 *
 * Pod Security Standards, Baseline and Restricted. User namespaces (`hostUsers: false`) loosen some of these rules in the
 * standard; here they do not.
 */
import { at, isAbsent, items, type Place } from '../place.ts';
import { type Violation, violation } from '../violation.ts';
import { type Check, isRestricted, perContainer } from './check.ts';

export const capabilities: Check = (pod, rules) => {
  const allowed = isRestricted(rules) ? RESTRICTED_CAPABILITIES : BASELINE_CAPABILITIES;
  return perContainer(pod, ({ securityContext }) => {
    const { add, drop } = {
      add: at(securityContext, 'capabilities', 'add'),
      drop: at(securityContext, 'capabilities', 'drop'),
    };
    const added = items(add)
      .filter(({ value }) => !allowed.includes(String(value)))
      .map((place) =>
        violation('Capabilities', place, `may not be added. Allowed are ${allowed.join(', ')}; remove it.`),
      );
    const dropsAll = items(drop).some(({ value }) => value === 'ALL');
    return isRestricted(rules) && !dropsAll
      ? [...added, violation('Capabilities', drop, 'must contain "ALL". Set capabilities: {drop: ["ALL"]}.')]
      : added;
  });
};

export const privilegeEscalation: Check = (pod, rules) =>
  isRestricted(rules)
    ? perContainer(pod, ({ securityContext }) => {
        const place = at(securityContext, 'allowPrivilegeEscalation');
        return place.value === false
          ? []
          : [
              violation(
                'PrivilegeEscalation',
                place,
                'a process could gain more privileges than its parent. Set it to false.',
              ),
            ];
      })
    : [];

export const runAsNonRoot: Check = (pod, rules) => {
  if (!isRestricted(rules)) {
    return [];
  }
  const ofPod = at(pod.securityContext, 'runAsNonRoot');
  return [
    ...notTrue(ofPod, 'allowAbsent'),
    ...rootUser(pod.securityContext),
    ...perContainer(pod, ({ securityContext }) => [
      ...notTrue(at(securityContext, 'runAsNonRoot'), ofPod.value === true ? 'allowAbsent' : 'demand'),
      ...rootUser(securityContext),
    ]),
  ];
};

export const procMount: Check = (pod) =>
  perContainer(pod, ({ securityContext }) => {
    const place = at(securityContext, 'procMount');
    return isAbsent(place) || place.value === 'Default'
      ? []
      : [violation('ProcMount', place, 'would unmask parts of /proc. Set it to Default or leave it out.')];
  });

function notTrue(place: Place, absence: 'allowAbsent' | 'demand'): Violation[] {
  const passes = place.value === true || (isAbsent(place) && absence === 'allowAbsent');
  return passes
    ? []
    : [violation('RunAsNonRoot', place, 'the image could run as root. Set it to true, here or for the whole pod.')];
}

function rootUser(securityContext: Place): Violation[] {
  const place = at(securityContext, 'runAsUser');
  const passes = isAbsent(place) || (typeof place.value === 'number' && place.value > 0);
  return passes ? [] : [violation('RunAsNonRoot', place, 'user 0 is root. Set another user id, or leave it out.')];
}

const RESTRICTED_CAPABILITIES: readonly string[] = ['NET_BIND_SERVICE'];

const BASELINE_CAPABILITIES: readonly string[] = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];
