/**
 * The part of an AgentSandbox that says what a pod must look like to be admitted. The checks themselves are admission/.
 */
import Type from 'typebox';
import { ObjectName, oneOf, Quantity } from './schema-parts.ts';

/** Names of the admission checks, as exemptions and refusals use them. */
export const ADMISSION_CHECKS = [
  'HostNamespaces',
  'Privileged',
  'Capabilities',
  'HostPath',
  'HostPorts',
  'HostProbes',
  'PrivilegeEscalation',
  'RunAsNonRoot',
  'Seccomp',
  'AppArmor',
  'SELinux',
  'ProcMount',
  'Sysctls',
  'VolumeTypes',
  'RuntimeClass',
  'Images',
  'ServiceAccountToken',
  'Secrets',
  'Limits',
] as const;

const AdmissionExemption = Type.Object({
  container: ObjectName('Name of the container.'),
  image: Type.String({
    minLength: 1,
    maxLength: 512,
    description: 'Its image, as a glob; the exemption holds for no other.',
  }),
  checks: Type.Array(Type.Enum([...ADMISSION_CHECKS], { type: 'string' }), {
    minItems: 1,
    maxItems: ADMISSION_CHECKS.length,
    description: 'The checks it is exempt from.',
  }),
});

export const Admission = Type.Object(
  {
    podSecurity: oneOf(['Restricted', 'Baseline'], {
      default: 'Restricted',
      description: 'Pod Security Standard that every pod must meet.',
    }),
    runtimeClassNames: Type.Array(ObjectName('Name of a RuntimeClass.'), {
      maxItems: 16,
      default: [],
      description:
        'RuntimeClasses a pod may use; one that names none gets the first. Empty: pods may name no RuntimeClass.',
    }),
    images: Type.Object(
      {
        allowed: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
          maxItems: 128,
          default: [],
          description: 'Globs, such as registry.example.com/agents/*. Empty: any image.',
        }),
        requireDigest: Type.Boolean({
          default: false,
          description: 'Refuse images that are not named by digest.',
        }),
      },
      { description: 'Container images.', default: {} },
    ),
    serviceAccountToken: oneOf(['Denied', 'Allowed'], {
      default: 'Denied',
      description: 'Whether a pod may hold a Kubernetes API token.',
    }),
    secrets: Type.Object(
      {
        allowed: Type.Array(ObjectName('Name of a Secret.'), {
          maxItems: 64,
          default: [],
          description: 'Secrets a pod may mount or read into its environment. Image pull secrets do not count.',
        }),
      },
      { description: 'Secrets.', default: {} },
    ),
    requireLimits: Type.Boolean({
      default: true,
      description: 'Refuse containers without CPU and memory limits.',
    }),
    budget: Type.Optional(
      Type.Record(Type.String(), Quantity({ description: 'The most of it.' }), {
        maxProperties: 16,
        description:
          'The most that all pods of the sandbox may use together: pods, cpu, memory, or an extended resource.',
      }),
    ),
    exec: oneOf(['Allowed', 'Denied'], {
      default: 'Allowed',
      description: 'Whether people may exec, attach or forward ports into the pods.',
    }),
    exemptions: Type.Array(AdmissionExemption, {
      maxItems: 32,
      default: [],
      description: 'Single containers that are exempt from single checks.',
    }),
  },
  { description: 'What a pod must look like to be admitted.', default: {} },
);
