/**
 * The checks of the Pod Security Standards against the API server's own: the same random pods go to both, and what
 * Kubernetes refuses Bulkhead must refuse. The other way round only where Bulkhead says that it is stricter.
 */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { reviewPod } from '../../src/admission/review-pod.ts';
import type { AdmissionCheck } from '../../src/api/v1alpha1/agent-sandbox.ts';
import { useCluster } from '../support/cluster.ts';
import { goodPod, type LoosePod, sandbox } from '../support/pods.ts';

const cluster = useCluster();
const namespaces = { Restricted: '', Baseline: '' };

beforeAll(async () => {
  for (const level of ['Restricted', 'Baseline'] as const) {
    const labels = { 'pod-security.kubernetes.io/enforce': level.toLowerCase() };
    namespaces[level] = await cluster.newNamespace(labels);
  }
});

/** Checks that are Bulkhead's own, not the standard's. */
const OWN: readonly AdmissionCheck[] = ['RuntimeClass', 'Images', 'ServiceAccountToken', 'Secrets', 'Limits'];

type Change = (pod: LoosePod) => unknown;

const set = (path: string, ...values: unknown[]): Change[] =>
  values.map((value) => (pod) => {
    const keys = path.split('.');
    const parent = keys.slice(0, -1).reduce((node: LoosePod, key) => (node[key] ??= {}), pod.spec);
    parent[keys.at(-1) ?? ''] = value;
  });
const volume =
  (source: object): Change =>
  (pod) =>
    pod.spec.volumes.push({ name: `v${pod.spec.volumes.length}`, ...source });

/** Ephemeral containers are left out: no pod is made with one. */
const CHANGES: Change[] = [
  ...set('hostNetwork', true, false),
  ...set('hostPID', true),
  ...set('hostIPC', true),
  ...set('hostUsers', false),
  ...set('os', { name: 'linux' }),
  ...['containers.0', 'initContainers.0'].flatMap((container) => [
    ...set(`${container}.securityContext`, undefined, { privileged: true }, { allowPrivilegeEscalation: true }),
    ...set(`${container}.securityContext.capabilities`, undefined, {}, { drop: ['ALL'], add: ['NET_BIND_SERVICE'] }),
    ...set(`${container}.securityContext.capabilities.add`, ['CHOWN'], ['NET_RAW'], ['SYS_ADMIN', 'KILL'], []),
    ...set(`${container}.securityContext.capabilities.drop`, ['NET_RAW'], ['all'], ['KILL', 'ALL'], []),
    ...set(`${container}.securityContext.runAsNonRoot`, true, false),
    ...set(`${container}.securityContext.runAsUser`, 0, 1000),
    ...set(`${container}.securityContext.seccompProfile`, { type: 'RuntimeDefault' }, { type: 'Unconfined' }),
    ...set(`${container}.securityContext.seccompProfile`, { type: 'Localhost', localhostProfile: 'x.json' }),
    ...set(`${container}.securityContext.appArmorProfile`, { type: 'RuntimeDefault' }, { type: 'Unconfined' }),
    ...set(`${container}.securityContext.seLinuxOptions`, { type: 'container_t' }, { type: 'spc_t' }, { level: 's0' }),
    ...set(`${container}.securityContext.seLinuxOptions`, { user: 'u' }, { role: 'r' }, { type: 'container_engine_t' }),
    ...set(`${container}.securityContext.procMount`, 'Default', 'Unmasked'),
    ...set(`${container}.securityContext.windowsOptions`, { hostProcess: false }, { hostProcess: true }),
  ]),
  ...set('containers.0.ports', [{ containerPort: 80 }], [{ containerPort: 80, hostPort: 80 }]),
  ...set('containers.0.livenessProbe', { httpGet: { port: 80 } }, { httpGet: { port: 80, host: '10.0.0.1' } }),
  ...set('containers.0.readinessProbe', { tcpSocket: { port: 80, host: '127.0.0.1' } }, { exec: { command: ['x'] } }),
  ...set(
    'containers.0.lifecycle',
    { preStop: { httpGet: { port: 80, host: 'x' } } },
    { postStart: { exec: { command: ['x'] } } },
  ),
  ...set('securityContext', undefined, {}),
  ...set('securityContext.runAsNonRoot', true, false, undefined),
  ...set('securityContext.runAsUser', 0, 1000),
  ...set(
    'securityContext.seccompProfile',
    undefined,
    { type: 'Unconfined' },
    { type: 'Localhost', localhostProfile: 'x' },
  ),
  ...set('securityContext.appArmorProfile', { type: 'Unconfined' }, { type: 'Localhost', localhostProfile: 'x' }),
  ...set('securityContext.seLinuxOptions', { type: 'container_init_t' }, { type: 'x' }, { user: 'u' }),
  ...set(
    'securityContext.sysctls',
    [{ name: 'net.ipv4.tcp_wmem', value: '1' }],
    [{ name: 'kernel.msgmax', value: '1' }],
  ),
  ...set('securityContext.windowsOptions', { hostProcess: true }),
  volume({ hostPath: { path: '/' } }),
  volume({ nfs: { server: 'x', path: '/' } }),
  volume({ iscsi: { targetPortal: 'x', iqn: 'iqn.2001-04.com.example:x', lun: 0 } }),
  volume({ configMap: { name: 'x' } }),
  volume({ secret: { secretName: 'x' } }),
  volume({ csi: { driver: 'csi.example.com' } }),
  volume({ image: { reference: 'x' } }),
  volume({ persistentVolumeClaim: { claimName: 'x' } }),
  volume({ projected: { sources: [{ configMap: { name: 'x' } }] } }),
  volume({ downwardAPI: {} }),
  volume({}),
];

const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/main';

/** A pod with up to five things changed, which need not go together. */
const pods = fc
  .tuple(
    fc.uniqueArray(fc.nat(CHANGES.length - 1), { minLength: 0, maxLength: 5 }),
    fc.option(fc.constantFrom('unconfined', 'runtime/default'), { freq: 8 }),
  )
  .map(([changes, appArmor]) => {
    const pod = goodPod();
    pod.metadata = { generateName: 'pod-', ...(appArmor === null ? {} : { annotations: { [APPARMOR]: appArmor } }) };
    for (const index of changes) {
      CHANGES[index]?.(pod);
    }
    return pod;
  });

describe.each(['Restricted', 'Baseline'] as const)('under %s', (podSecurity) => {
  it('Bulkhead and Kubernetes refuse the same pods', async () => {
    const by = sandbox({ admission: { podSecurity } });
    let judged = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(pods, async (pod) => {
        const { status, body } = await cluster.api.request(
          'POST',
          `/api/v1/namespaces/${namespaces[podSecurity]}/pods?dryRun=All`,
          { body: pod },
        );
        fc.pre(status !== 422); // no valid pod, so nobody asks admission
        const ours = reviewPod(pod, by).filter(({ check }) => !OWN.some((own) => own === check));
        judged += 1;
        if (status === 403) {
          refused += 1;
          expect(body.message).toMatch(/violates PodSecurity/);
          expect(ours, body.message).not.toEqual([]);
        } else {
          expect(status).toBe(201);
          // User namespaces loosen the standard, and not Bulkhead.
          expect(pod.spec.hostUsers === false ? [] : ours).toEqual([]);
        }
      }),
      { numRuns: 400 },
    );
    // Both verdicts were really compared.
    expect(refused).toBeGreaterThan(50);
    expect(judged - refused).toBeGreaterThan(50);
  });
});
