import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { goodContainer, goodPod, type LoosePod, type SandboxChanges, sandbox } from '../../test/support/pods.ts';
import type { AdmissionCheck } from '../api/v1alpha1/agent-sandbox.ts';
import { ADMISSION_CHECKS } from '../api/v1alpha1/sandbox-admission.ts';
import { reviewPod } from './review-pod.ts';

interface Row {
  name: string;
  /** The one change that makes the good pod bad. */
  break: (pod: LoosePod) => void;
  check: AdmissionCheck;
  field: string;
  rules?: SandboxChanges['admission'];
  /** Under which standards it is refused; both when left out. */
  only?: 'Restricted';
}

const main = (pod: LoosePod) => pod.spec.containers[0];
const withVolume = (source: object) => (pod: LoosePod) => pod.spec.volumes.push({ name: 'extra', ...source });
const debugContainer = (pod: LoosePod, change: object) => {
  const { resources: _, ...container } = goodContainer('debugger');
  pod.spec.ephemeralContainers = [{ ...container, securityContext: { ...container.securityContext, ...change } }];
};
const DIGEST = `sha256:${'a'.repeat(64)}`;

const ROWS: Row[] = [
  {
    name: 'host network',
    check: 'HostNamespaces',
    field: 'spec.hostNetwork',
    break: (pod) => (pod.spec.hostNetwork = true),
  },
  { name: 'host processes', check: 'HostNamespaces', field: 'spec.hostPID', break: (pod) => (pod.spec.hostPID = true) },
  { name: 'host IPC', check: 'HostNamespaces', field: 'spec.hostIPC', break: (pod) => (pod.spec.hostIPC = true) },
  {
    name: 'host network, not quite a boolean',
    check: 'HostNamespaces',
    field: 'spec.hostNetwork',
    break: (pod) => (pod.spec.hostNetwork = 'yes'),
  },
  {
    name: 'privileged container',
    check: 'Privileged',
    field: 'spec.containers[0].securityContext.privileged',
    break: (pod) => (main(pod).securityContext.privileged = true),
  },
  {
    name: 'privileged init container',
    check: 'Privileged',
    field: 'spec.initContainers[0].securityContext.privileged',
    break: (pod) => (pod.spec.initContainers[0].securityContext.privileged = true),
  },
  {
    name: 'privileged ephemeral container',
    check: 'Privileged',
    field: 'spec.ephemeralContainers[0].securityContext.privileged',
    break: (pod) => debugContainer(pod, { privileged: true }),
  },
  {
    name: 'HostProcess for the pod',
    check: 'Privileged',
    field: 'spec.securityContext.windowsOptions.hostProcess',
    break: (pod) => (pod.spec.securityContext.windowsOptions = { hostProcess: true }),
  },
  {
    name: 'HostProcess for a container',
    check: 'Privileged',
    field: 'spec.containers[0].securityContext.windowsOptions.hostProcess',
    break: (pod) => (main(pod).securityContext.windowsOptions = { hostProcess: true }),
  },
  {
    name: 'capability outside the default set',
    check: 'Capabilities',
    field: 'spec.containers[0].securityContext.capabilities.add[0]',
    break: (pod) => (main(pod).securityContext.capabilities.add = ['SYS_ADMIN']),
  },
  {
    name: 'raw sockets',
    check: 'Capabilities',
    field: 'spec.containers[0].securityContext.capabilities.add[1]',
    break: (pod) => (main(pod).securityContext.capabilities.add = ['NET_BIND_SERVICE', 'NET_RAW']),
  },
  {
    name: 'capability of the default set under Restricted',
    check: 'Capabilities',
    field: 'spec.containers[0].securityContext.capabilities.add[0]',
    break: (pod) => (main(pod).securityContext.capabilities.add = ['CHOWN']),
    only: 'Restricted',
  },
  {
    name: 'capabilities not dropped',
    check: 'Capabilities',
    field: 'spec.containers[0].securityContext.capabilities.drop',
    break: (pod) => (main(pod).securityContext.capabilities = { drop: ['NET_RAW'] }),
    only: 'Restricted',
  },
  {
    name: 'capabilities dropped in lower case',
    check: 'Capabilities',
    field: 'spec.containers[0].securityContext.capabilities.drop',
    break: (pod) => (main(pod).securityContext.capabilities.drop = ['all']),
    only: 'Restricted',
  },
  {
    name: 'host path',
    check: 'HostPath',
    field: 'spec.volumes[1].hostPath',
    break: withVolume({ hostPath: { path: '/' } }),
  },
  {
    name: 'host port',
    check: 'HostPorts',
    field: 'spec.containers[0].ports[0].hostPort',
    break: (pod) => (main(pod).ports = [{ containerPort: 80, hostPort: 80 }]),
  },
  {
    name: 'probe that the kubelet sends elsewhere',
    check: 'HostProbes',
    field: 'spec.containers[0].livenessProbe.httpGet.host',
    break: (pod) => (main(pod).livenessProbe = { httpGet: { host: '169.254.169.254', port: 80 } }),
  },
  {
    name: 'startup probe over TCP to another host',
    check: 'HostProbes',
    field: 'spec.initContainers[0].startupProbe.tcpSocket.host',
    break: (pod) => (pod.spec.initContainers[0].startupProbe = { tcpSocket: { host: '10.0.0.1', port: 22 } }),
  },
  {
    name: 'hook that the kubelet sends elsewhere',
    check: 'HostProbes',
    field: 'spec.containers[0].lifecycle.preStop.httpGet.host',
    break: (pod) => (main(pod).lifecycle = { preStop: { httpGet: { host: '10.0.0.1', port: 80 } } }),
  },
  {
    name: 'privilege escalation left open',
    check: 'PrivilegeEscalation',
    field: 'spec.containers[0].securityContext.allowPrivilegeEscalation',
    break: (pod) => delete main(pod).securityContext.allowPrivilegeEscalation,
    only: 'Restricted',
  },
  {
    name: 'runAsNonRoot unset anywhere',
    check: 'RunAsNonRoot',
    field: 'spec.initContainers[0].securityContext.runAsNonRoot',
    break: (pod) => {
      delete pod.spec.securityContext.runAsNonRoot;
      main(pod).securityContext.runAsNonRoot = true;
    },
    only: 'Restricted',
  },
  {
    name: 'container that undoes runAsNonRoot',
    check: 'RunAsNonRoot',
    field: 'spec.containers[0].securityContext.runAsNonRoot',
    break: (pod) => (main(pod).securityContext.runAsNonRoot = false),
    only: 'Restricted',
  },
  {
    name: 'user 0 for the pod',
    check: 'RunAsNonRoot',
    field: 'spec.securityContext.runAsUser',
    break: (pod) => (pod.spec.securityContext.runAsUser = 0),
    only: 'Restricted',
  },
  {
    name: 'user 0 for a container',
    check: 'RunAsNonRoot',
    field: 'spec.containers[0].securityContext.runAsUser',
    break: (pod) => (main(pod).securityContext.runAsUser = 0),
    only: 'Restricted',
  },
  {
    name: 'seccomp switched off for the pod',
    check: 'Seccomp',
    field: 'spec.securityContext.seccompProfile.type',
    break: (pod) => {
      pod.spec.securityContext.seccompProfile = { type: 'Unconfined' };
      for (const container of [...pod.spec.containers, ...pod.spec.initContainers]) {
        container.securityContext.seccompProfile = { type: 'RuntimeDefault' };
      }
    },
  },
  {
    name: 'seccomp switched off for a container',
    check: 'Seccomp',
    field: 'spec.containers[0].securityContext.seccompProfile.type',
    break: (pod) => (main(pod).securityContext.seccompProfile = { type: 'Unconfined' }),
  },
  {
    name: 'seccomp unset for one container',
    check: 'Seccomp',
    field: 'spec.initContainers[0].securityContext.seccompProfile.type',
    break: (pod) => {
      delete pod.spec.securityContext.seccompProfile;
      main(pod).securityContext.seccompProfile = { type: 'Localhost', localhostProfile: 'agent.json' };
    },
    only: 'Restricted',
  },
  {
    name: 'AppArmor switched off',
    check: 'AppArmor',
    field: 'spec.containers[0].securityContext.appArmorProfile.type',
    break: (pod) => (main(pod).securityContext.appArmorProfile = { type: 'Unconfined' }),
  },
  {
    name: 'AppArmor switched off by annotation',
    check: 'AppArmor',
    field: 'metadata.annotations[container.apparmor.security.beta.kubernetes.io/main]',
    break: (pod) =>
      (pod.metadata.annotations = { 'container.apparmor.security.beta.kubernetes.io/main': 'unconfined' }),
  },
  {
    name: 'SELinux type of its own',
    check: 'SELinux',
    field: 'spec.securityContext.seLinuxOptions.type',
    break: (pod) => (pod.spec.securityContext.seLinuxOptions = { type: 'spc_t' }),
  },
  {
    name: 'SELinux user of its own',
    check: 'SELinux',
    field: 'spec.containers[0].securityContext.seLinuxOptions.user',
    break: (pod) => (main(pod).securityContext.seLinuxOptions = { type: 'container_t', user: 'system_u' }),
  },
  {
    name: 'unmasked /proc',
    check: 'ProcMount',
    field: 'spec.containers[0].securityContext.procMount',
    break: (pod) => (main(pod).securityContext.procMount = 'Unmasked'),
  },
  {
    name: 'unmasked /proc in a user namespace, which the standard’s Baseline allows',
    check: 'ProcMount',
    field: 'spec.containers[0].securityContext.procMount',
    break: (pod) => {
      pod.spec.hostUsers = false;
      main(pod).securityContext.procMount = 'Unmasked';
    },
  },
  {
    name: 'sysctl that reaches the node',
    check: 'Sysctls',
    field: 'spec.securityContext.sysctls[1].name',
    break: (pod) =>
      (pod.spec.securityContext.sysctls = [
        { name: 'net.ipv4.tcp_syncookies', value: '1' },
        { name: 'kernel.msgmax', value: '1' },
      ]),
  },
  {
    name: 'network storage under Restricted',
    check: 'VolumeTypes',
    field: 'spec.volumes[1].nfs',
    break: withVolume({ nfs: { server: '10.0.0.1', path: '/' } }),
    only: 'Restricted',
  },
  {
    name: 'volume type that nobody knows yet',
    check: 'VolumeTypes',
    field: 'spec.volumes[1].wormhole',
    break: withVolume({ wormhole: {} }),
  },
  {
    name: 'RuntimeClass where the sandbox names none',
    check: 'RuntimeClass',
    field: 'spec.runtimeClassName',
    break: (pod) => (pod.spec.runtimeClassName = 'runc'),
  },
  {
    name: 'RuntimeClass of somebody else',
    check: 'RuntimeClass',
    field: 'spec.runtimeClassName',
    rules: { runtimeClassNames: ['gvisor', 'kata'] },
    break: (pod) => (pod.spec.runtimeClassName = 'runc'),
  },
  {
    name: 'no RuntimeClass where one is asked for',
    check: 'RuntimeClass',
    field: 'spec.runtimeClassName',
    rules: { runtimeClassNames: ['gvisor'] },
    break: () => {},
  },
  {
    name: 'foreign image',
    check: 'Images',
    field: 'spec.containers[0].image',
    rules: { images: { allowed: ['registry.example.com/agents/*'], requireDigest: false } },
    break: (pod) => (main(pod).image = 'xmrig/xmrig'),
  },
  {
    name: 'image by tag where a digest is asked for',
    check: 'Images',
    field: 'spec.containers[0].image',
    rules: { images: { allowed: [], requireDigest: true } },
    break: (pod) => {
      pod.spec.initContainers[0].image += `@${DIGEST}`;
    },
  },
  {
    name: 'foreign image mounted as a volume',
    check: 'Images',
    field: 'spec.volumes[1].image.reference',
    rules: { images: { allowed: ['registry.example.com/agents/*'], requireDigest: false } },
    break: withVolume({ image: { reference: 'evil.example.net/tools:1' } }),
  },
  {
    name: 'text that is no image',
    check: 'Images',
    field: 'spec.containers[0].image',
    rules: { images: { allowed: ['**'], requireDigest: false } },
    break: (pod) => (main(pod).image = 'registry.example.com/agents/../x'),
  },
  {
    name: 'token mounted by default',
    check: 'ServiceAccountToken',
    field: 'spec.automountServiceAccountToken',
    break: (pod) => delete pod.spec.automountServiceAccountToken,
  },
  {
    name: 'token projected by hand',
    check: 'ServiceAccountToken',
    field: 'spec.volumes[1].projected.sources[0].serviceAccountToken',
    break: withVolume({ projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }),
  },
  {
    name: 'pod certificate',
    check: 'ServiceAccountToken',
    field: 'spec.volumes[1].projected.sources[0].podCertificate',
    break: withVolume({ projected: { sources: [{ podCertificate: { signerName: 'example.com/signer' } }] } }),
  },
  {
    name: 'Secret as a volume',
    check: 'Secrets',
    field: 'spec.volumes[1].secret.secretName',
    break: withVolume({ secret: { secretName: 'cloud-key' } }),
  },
  {
    name: 'Secret projected',
    check: 'Secrets',
    field: 'spec.volumes[1].projected.sources[1].secret.name',
    break: withVolume({ projected: { sources: [{ configMap: { name: 'x' } }, { secret: { name: 'cloud-key' } }] } }),
  },
  {
    name: 'Secret handed to a storage driver',
    check: 'Secrets',
    field: 'spec.volumes[1].csi.nodePublishSecretRef.name',
    break: withVolume({ csi: { driver: 'csi.example.com', nodePublishSecretRef: { name: 'cloud-key' } } }),
  },
  {
    name: 'Secret as a variable',
    check: 'Secrets',
    field: 'spec.containers[0].env[0].valueFrom.secretKeyRef.name',
    break: (pod) =>
      (main(pod).env = [{ name: 'KEY', valueFrom: { secretKeyRef: { name: 'cloud-key', key: 'k', optional: true } } }]),
  },
  {
    name: 'Secret as many variables',
    check: 'Secrets',
    field: 'spec.initContainers[0].envFrom[0].secretRef.name',
    break: (pod) => (pod.spec.initContainers[0].envFrom = [{ secretRef: { name: 'cloud-key' } }]),
  },
  {
    name: 'no memory limit',
    check: 'Limits',
    field: 'spec.containers[0].resources.limits.memory',
    break: (pod) => delete main(pod).resources.limits.memory,
  },
  {
    name: 'a limit of nothing, which means no limit',
    check: 'Limits',
    field: 'spec.initContainers[0].resources.limits.cpu',
    break: (pod) => (pod.spec.initContainers[0].resources.limits.cpu = '0.0m'),
  },
];

const found = (pod: LoosePod, changes: SandboxChanges['admission'] = {}) =>
  reviewPod(pod, sandbox({ admission: changes })).map(({ check, field }) => ({ check, field }));

describe('reviewPod', () => {
  it.each(['Restricted', 'Baseline'] as const)('admits the good pod under %s', (podSecurity) => {
    expect(found(goodPod(), { podSecurity })).toEqual([]);
  });

  it.each(ROWS)('refuses $name', (row) => {
    const pod = goodPod();
    row.break(pod);
    expect(found(pod, row.rules)).toEqual([{ check: row.check, field: row.field }]);
    expect(found(pod, { ...row.rules, podSecurity: 'Baseline' })).toEqual(
      row.only === 'Restricted' ? [] : [{ check: row.check, field: row.field }],
    );
  });

  it('has a row for every check', () => {
    expect([...new Set(ROWS.map(({ check }) => check))].sort()).toEqual([...ADMISSION_CHECKS].sort());
  });

  it.each<[string, (pod: LoosePod) => void, SandboxChanges['admission']?]>([
    [
      'each container says runAsNonRoot itself',
      (pod) => {
        delete pod.spec.securityContext.runAsNonRoot;
        for (const container of [...pod.spec.containers, ...pod.spec.initContainers]) {
          container.securityContext.runAsNonRoot = true;
        }
      },
    ],
    [
      'the one capability that Restricted lets through',
      (pod) => (main(pod).securityContext.capabilities.add = ['NET_BIND_SERVICE']),
    ],
    ['a host port of 0, which is none', (pod) => (main(pod).ports = [{ containerPort: 80, hostPort: 0 }])],
    ['a probe of the pod itself', (pod) => (main(pod).livenessProbe = { httpGet: { host: '', port: 80 } })],
    [
      'an AppArmor profile of the node',
      (pod) => (pod.spec.securityContext.appArmorProfile = { type: 'Localhost', localhostProfile: 'agent' }),
    ],
    ['a volume without a source, which is an emptyDir', (pod) => pod.spec.volumes.push({ name: 'empty' })],
    [
      'an image pull secret, which the pod never sees',
      (pod) => (pod.spec.imagePullSecrets = [{ name: 'registry-key' }]),
    ],
    [
      'a Secret that is named',
      withVolume({ secret: { secretName: 'model-key' } }),
      { secrets: { allowed: ['model-key'] } },
    ],
    [
      'a token where it is allowed',
      (pod) => delete pod.spec.automountServiceAccountToken,
      { serviceAccountToken: 'Allowed' },
    ],
    [
      'limits of the whole pod',
      (pod) => {
        delete main(pod).resources;
        pod.spec.resources = { limits: { cpu: '2', memory: '4Gi' } };
      },
    ],
    ['no limits where none are asked for', (pod) => delete main(pod).resources, { requireLimits: false }],
    ['an ephemeral container, which can have no limits', (pod) => debugContainer(pod, {})],
    [
      'the second RuntimeClass',
      (pod) => (pod.spec.runtimeClassName = 'kata'),
      { runtimeClassNames: ['gvisor', 'kata'] },
    ],
  ])('admits %s', (_name, change, rules) => {
    const pod = goodPod();
    change(pod);
    expect(found(pod, rules)).toEqual([]);
  });

  it('says where, what, which rule and how to pass', () => {
    const pod = goodPod();
    pod.spec.hostNetwork = true;
    expect(reviewPod(pod, sandbox())).toEqual([
      {
        check: 'HostNamespaces',
        field: 'spec.hostNetwork',
        value: 'true',
        message:
          'no network policy holds a pod on the host network, so neither the rules of the sandbox nor a quarantine would. Leave spec.hostNetwork out.',
        containers: [],
      },
    ]);
  });

  it('shows what the author wrote without letting it act on the terminal', () => {
    const pod = goodPod();
    main(pod).securityContext.procMount = '\u001b[2J\u202eDefault';
    expect(reviewPod(pod, sandbox())[0]?.value).not.toMatch(/[\u001b\u202e]/);
  });
});

describe('pods that cannot be judged', () => {
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'spec.containers'],
    ['a number', 7, ''],
    ['a pod without containers', { spec: { containers: [] } }, 'spec.containers'],
    ['containers that are no list', { spec: { containers: { 0: goodContainer('main') } } }, 'spec.containers'],
    ['a container that is a string', { spec: { containers: ['main'] } }, 'spec.containers[0]'],
    ['an image that is a number', { spec: { containers: [{ name: 'main', image: 7 }] } }, 'spec.containers[0].image'],
  ])('refuses %s', (_name, pod, field) => {
    expect(reviewPod(pod, sandbox()).map((entry) => [entry.check, entry.field])).toEqual([['Unjudgeable', field]]);
  });

  it('refuses a Windows pod', () => {
    const pod = goodPod();
    pod.spec.os = { name: 'windows' };
    expect(reviewPod(pod, sandbox()).map(({ check }) => check)).toEqual(['Unjudgeable']);
  });

  it('takes a field of the wrong shape as a broken rule', () => {
    const pod = goodPod();
    main(pod).securityContext.capabilities.add = 'NET_BIND_SERVICE';
    expect(found(pod)).toEqual([
      { check: 'Capabilities', field: 'spec.containers[0].securityContext.capabilities.add' },
    ]);
  });

  it('never throws, whatever it is given', () => {
    fc.assert(fc.property(fc.jsonValue(), (json) => void reviewPod(json, sandbox())));
  });

  it('never throws, and never admits what it cannot read, wherever in a pod nonsense stands', () => {
    // What no check asks for may be anything: mounts and the inside of an emptyDir.
    const judged = leafPaths(goodPod().spec).filter((path) => !/volumeMounts|emptyDir/.test(path.join('.')));
    const paths = fc.constantFrom(...judged);
    fc.assert(
      fc.property(paths, fc.constantFrom<unknown>('x', 7, [7], { x: 'y' }), (path, nonsense) => {
        const pod = goodPod();
        const parent = path.slice(0, -1).reduce((node: LoosePod, key) => node[key], pod.spec);
        const key = path.at(-1) ?? '';
        fc.pre(typeof parent[key] === 'object' && Array.isArray(parent[key]) !== Array.isArray(nonsense));
        fc.pre(Array.isArray(parent[key]) || typeof nonsense !== 'object' || Array.isArray(nonsense));
        parent[key] = nonsense;
        expect(reviewPod(pod, sandbox())).not.toEqual([]);
      }),
    );
  });
});

describe('exemptions', () => {
  const exempt = (container: string, image: string, ...checks: AdmissionCheck[]) => ({
    exemptions: [{ container, image, checks }],
  });
  const privilegedPod = () => {
    const pod = goodPod();
    main(pod).securityContext.privileged = true;
    return pod;
  };
  const AGENTS = 'registry.example.com/agents/*';

  it('exempt a container from the checks they name', () => {
    expect(found(privilegedPod(), exempt('main', AGENTS, 'Privileged'))).toEqual([]);
  });

  it.each([
    ['another container', exempt('setup', AGENTS, 'Privileged')],
    ['another image', exempt('main', 'registry.example.com/tools/*', 'Privileged')],
    ['another check', exempt('main', AGENTS, 'Capabilities')],
  ])('of %s do not hold', (_name, rules) => {
    expect(found(privilegedPod(), rules)).toHaveLength(1);
  });

  it('cover a volume when every container that mounts it is exempt', () => {
    const pod = goodPod();
    pod.spec.volumes.push({ name: 'logs', hostPath: { path: '/var/log' } });
    main(pod).volumeMounts.push({ name: 'logs', mountPath: '/logs' });
    expect(found(pod, exempt('main', AGENTS, 'HostPath'))).toEqual([]);
    pod.spec.initContainers[0].volumeMounts.push({ name: 'logs', mountPath: '/logs' });
    expect(found(pod, exempt('main', AGENTS, 'HostPath'))).toHaveLength(1);
  });

  it('of a container do not cover a volume that nobody mounts', () => {
    const pod = goodPod();
    pod.spec.volumes.push({ name: 'logs', hostPath: { path: '/var/log' } });
    expect(found(pod, exempt('main', AGENTS, 'HostPath'))).toHaveLength(1);
  });

  it('of a container never cover the whole pod', () => {
    const pod = goodPod();
    pod.spec.hostNetwork = true;
    expect(found(pod, exempt('main', '**', 'HostNamespaces'))).toHaveLength(1);
  });
});

/** The path of every object and list in a value. */
function leafPaths(node: LoosePod, path: (string | number)[] = []): (string | number)[][] {
  if (typeof node !== 'object') {
    return [];
  }
  const below = Object.entries(node).flatMap(([key, value]) => leafPaths(value, [...path, key]));
  return path.length === 0 ? below : [path, ...below];
}
