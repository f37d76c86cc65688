/** containerd and the kubelet: their configuration and how they are started, inside the node's namespaces. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { RigError } from '../rig-error.ts';
import { NODE_FILES } from './credentials.ts';
import { IMAGES } from './images/recipes.ts';
import { INSIDE, type Namespaces } from './namespaces.ts';
import { DNS_ADDRESS, NODE_ADDRESS, NODE_NAME } from './network.ts';

const CONTAINERD_CONFIG = 'containerd.toml';
const KUBELET_CONFIG = 'kubelet.yaml';
/** Inside. */
const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
/** The namespace that the kubelet's images are in. */
const CTR = ['ctr', '--address', CONTAINERD_SOCKET, '--namespace', 'k8s.io'];
const WITHOUT = ['btrfs', 'zfs', 'devmapper', 'aufs'].map((name) => `io.containerd.snapshotter.v1.${name}`);

/** Writes the configuration of both into the folder of the node. */
export function writeKubeletConfig(folder: string): void {
  for (const name of ['cni/bin', 'cni/net.d', 'containerd', 'kubelet', 'pod-logs']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  writeFileSync(join(folder, CONTAINERD_CONFIG), containerdConfig());
  writeFileSync(join(folder, KUBELET_CONFIG), stringify(kubeletConfig()));
}

export const containerdCommand = ['containerd', '--config', `${INSIDE}/${CONTAINERD_CONFIG}`];

/**
 * Loads an image archive into containerd.
 * @throws RigError with what `ctr` said.
 */
export async function importImage(node: Namespaces, archive: string): Promise<void> {
  const { code, stderr } = await node.exec([...CTR, 'images', 'import', archive]);
  if (code !== 0) {
    throw new RigError(`the image ${archive} could not be loaded: ${stderr.trim()}`);
  }
}

/** Whether containerd answers. */
export async function containerdAnswers(node: Namespaces): Promise<boolean> {
  return (await node.exec([...CTR, 'version'])).code === 0;
}

export function kubeletCommand(program: string): string[] {
  return [
    program,
    'kubelet',
    `--config=${INSIDE}/${KUBELET_CONFIG}`,
    `--kubeconfig=${INSIDE}/${NODE_FILES.kubeletKubeconfig}`,
    // On tmpfs for its sockets, whose paths must be short; what pods write goes to containerd's folder.
    '--root-dir=/run/kubelet',
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${NODE_ADDRESS}`,
  ];
}

/** Without CAP_SYS_RESOURCE nobody may lower an OOM score, hence `restrict_oom_score_adj`. */
function containerdConfig(): string {
  return `version = 2
root = "${INSIDE}/containerd"
state = "/run/containerd"
disabled_plugins = ${JSON.stringify(WITHOUT)}
[grpc]
  address = "${CONTAINERD_SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/run/containerd-opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${IMAGES.pause}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${INSIDE}/cni/bin"
    conf_dir = "${INSIDE}/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
}

function kubeletConfig(): object {
  const ca = `${INSIDE}/${NODE_FILES.ca}`;
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    failCgroupV1: false,
    failSwapOn: false,
    cgroupDriver: 'cgroupfs',
    enforceNodeAllocatable: [],
    oomScoreAdj: 0,
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    address: '0.0.0.0',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: ca } },
    authorization: { mode: 'Webhook' },
    tlsCertFile: `${INSIDE}/${NODE_FILES.kubeletCertificate}`,
    tlsPrivateKeyFile: `${INSIDE}/${NODE_FILES.kubeletKey}`,
    clusterDomain: 'cluster.local',
    clusterDNS: [DNS_ADDRESS],
    resolvConf: '',
    // The disk belongs to the machine: a full one must not make the node evict what a test looks at.
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    localStorageCapacityIsolation: false,
    nodeStatusUpdateFrequency: '5s',
    podLogsDir: `${INSIDE}/pod-logs`,
    volumePluginDir: '/run/kubelet-plugins',
    maxPods: 200,
  };
}
