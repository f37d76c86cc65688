/**
 * The kernel's confinement of the pod: seccomp, AppArmor, SELinux, sysctls.
 *
 * Pod Security Standards, Baseline (sysctls and SELinux types as of Kubernetes 1.36) and Restricted (seccomp
 * must be set).
 */
import { at, fields, isAbsent, items, type Place } from '../place.ts';
import { type Violation, type ViolationCheck, violation } from '../violation.ts';
import { type Check, isRestricted, perContainer } from './check.ts';

export const seccomp: Check = (pod, rules) => {
  const ofPod = at(pod.securityContext, 'seccompProfile');
  const isSetForPod = isProfile(ofPod);
  return [
    ...badProfile('Seccomp', ofPod),
    ...perContainer(pod, ({ securityContext }) => {
      const own = at(securityContext, 'seccompProfile');
      return isAbsent(own) && isRestricted(rules) && !isSetForPod
        ? [
            violation(
              'Seccomp',
              at(own, 'type'),
              'system calls are not filtered. Set seccompProfile: {type: RuntimeDefault} for the pod.',
            ),
          ]
        : badProfile('Seccomp', own);
    }),
  ];
};

export const appArmor: Check = (pod) => [
  ...badProfile('AppArmor', at(pod.securityContext, 'appArmorProfile')),
  ...perContainer(pod, ({ securityContext }) => badProfile('AppArmor', at(securityContext, 'appArmorProfile'))),
  ...fields(at(pod.metadata, 'annotations'))
    .filter(([key, { value }]) => key.startsWith(APPARMOR_ANNOTATION) && !isAppArmorAnnotation(value))
    .map(([, place]) => violation('AppArmor', place, 'must be runtime/default or localhost/…. Remove the annotation.')),
];

export const seLinux: Check = (pod) => [
  ...badSeLinux(at(pod.securityContext, 'seLinuxOptions')),
  ...perContainer(pod, ({ securityContext }) => badSeLinux(at(securityContext, 'seLinuxOptions'))),
];

export const sysctls: Check = (pod) =>
  items(at(pod.securityContext, 'sysctls'))
    .map((sysctl) => at(sysctl, 'name'))
    .filter(({ value }) => typeof value !== 'string' || !SAFE_SYSCTLS.has(value))
    .map((place) => violation('Sysctls', place, 'is not one of the sysctls that stay inside the pod. Remove it.'));

function isProfile(profile: Place): boolean {
  const { value } = at(profile, 'type');
  return value === 'RuntimeDefault' || value === 'Localhost';
}

function badProfile(check: ViolationCheck, profile: Place): Violation[] {
  return isAbsent(profile) || isProfile(profile)
    ? []
    : [violation(check, at(profile, 'type'), 'must be RuntimeDefault or Localhost. Set RuntimeDefault.')];
}

function isAppArmorAnnotation(value: unknown): boolean {
  return value === '' || value === 'runtime/default' || (typeof value === 'string' && value.startsWith('localhost/'));
}

function badSeLinux(options: Place): Violation[] {
  const isDefault = (place: Place) => isAbsent(place) || place.value === '';
  const type = at(options, 'type');
  const wrongType = !isDefault(type) && !SELINUX_TYPES.includes(String(type.value));
  return [
    ...(wrongType ? [violation('SELinux', type, `must be one of ${SELINUX_TYPES.join(', ')}, or left out.`)] : []),
    ...[at(options, 'user'), at(options, 'role')]
      .filter((place) => !isDefault(place))
      .map((place) => violation('SELinux', place, 'may not be chosen by the pod. Leave it out.')),
  ];
}

const APPARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';

const SELINUX_TYPES = ['container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'];

const SAFE_SYSCTLS: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
]);
