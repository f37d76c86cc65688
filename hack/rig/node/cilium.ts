/**
 * Cilium's agent, operator and relay: what they need on disk and their flags. The datapath is the kernel's: BPF on the
 * node's interfaces and cgroup, which are the node's own, so the machine's traffic never meets it.
 *
 * Without Envoy, hence no HTTP rules; names are seen by the agent's own DNS proxy.
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { FILES } from '../servers.ts';
import { INSIDE } from './namespaces.ts';
import { NODE_ADDRESS, NODE_NAME, POD_RANGE } from './network.ts';

/** Ports on the node's own address. */
export const HUBBLE_PORT = 4244;
export const RELAY_PORT = 4245;
/** The agent's socket for Hubble, in the folder of the node. */
export const HUBBLE_SOCKET = 'hubble.sock';
const CNI_CONFIG = '05-cilium.conflist';
const IPAM = ['--ipam=kubernetes', '--identity-allocation-mode=crd', '--cluster-name=default', '--cluster-id=0'];
const FAMILIES = ['--enable-ipv4=true', '--enable-ipv6=false'];

export interface CiliumFiles {
  /** The program that the kubelet's runtime calls. */
  cniProgram: string;
  /** The folder of Cilium's Go module, with the sources of its BPF programs. */
  module: string;
  /** Programs that the agent calls by other names than the machine has, as name to path. */
  tools: Readonly<Record<string, string>>;
}

/** Puts plug-ins, BPF sources and the compiler's names into the folder of the node. */
export function prepareCilium(folder: string, { cniProgram, module, tools }: CiliumFiles): void {
  for (const name of ['bin', 'cilium-lib', 'cilium-cni']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  for (const [name, path] of Object.entries(tools)) {
    symlinkSync(path, join(folder, 'bin', name));
  }
  // The module cache is read-only down to its folders; the agent writes beside the sources.
  cpSync(join(module, 'bpf'), join(folder, 'cilium-lib/bpf'), { recursive: true, mode: 0 });
  copyFileSync(cniProgram, join(folder, 'cni/bin/cilium-cni'));
  copyFileSync('/usr/lib/cni/loopback', join(folder, 'cni/bin/loopback'));
}

/** Whether the agent serves pods by now, as it tells by writing its CNI configuration. */
export function isCniReady(folder: string): boolean {
  return existsSync(join(folder, 'cilium-cni', CNI_CONFIG));
}

/** Hands the CNI configuration to containerd: a plain write, because containerd 1.6 can miss the agent's rename. */
export function installCniConfig(folder: string): void {
  copyFileSync(join(folder, 'cilium-cni', CNI_CONFIG), join(folder, 'cni/net.d', CNI_CONFIG));
}

/** @param extra - further flags, which win over ours. */
export function agentCommand(program: string, extra: readonly string[]): string[] {
  return [
    'env',
    `K8S_NODE_NAME=${NODE_NAME}`,
    program,
    'cilium-agent',
    `--k8s-kubeconfig-path=${INSIDE}/${FILES.adminKubeconfig}`,
    '--k8s-client-qps=100',
    '--k8s-client-burst=200',
    ...IPAM,
    ...FAMILIES,
    `--lib-dir=${INSIDE}/cilium-lib`,
    '--bpf-root=/sys/fs/bpf',
    '--bpf-map-dynamic-size-ratio=0.0025',
    '--routing-mode=native',
    `--ipv4-native-routing-cidr=${POD_RANGE}`,
    '--devices=eth0',
    '--enable-ipv4-masquerade=true',
    '--enable-bpf-masquerade=true',
    '--kube-proxy-replacement=true',
    '--bpf-lb-sock=true',
    '--enable-l7-proxy=true',
    '--external-envoy-proxy=true',
    '--disable-envoy-version-check=true',
    '--enable-health-checking=false',
    '--enable-endpoint-health-checking=false',
    `--write-cni-conf-when-ready=${INSIDE}/cilium-cni/${CNI_CONFIG}`,
    '--cni-exclusive=false',
    '--enable-hubble=true',
    `--hubble-listen-address=:${HUBBLE_PORT}`,
    '--hubble-disable-tls=true',
    `--hubble-socket-path=${INSIDE}/${HUBBLE_SOCKET}`,
    '--hubble-event-buffer-capacity=16383',
    '--monitor-aggregation=medium',
    '--monitor-aggregation-interval=5s',
    ...extra,
  ];
}

export function ciliumOperatorCommand(program: string): string[] {
  return [
    program,
    'cilium-operator',
    `--k8s-kubeconfig-path=${INSIDE}/${FILES.adminKubeconfig}`,
    // The default is the agent's too.
    '--shell-sock-path=/run/cilium/operator-shell.sock',
    ...IPAM,
    ...FAMILIES,
    '--operator-api-serve-addr=127.0.0.1:9234',
    '--enable-metrics=false',
    '--set-cilium-is-up-condition=false',
    '--set-cilium-node-taints=false',
    '--remove-cilium-node-taints=true',
    '--unmanaged-pod-watcher-interval=0',
    // They are made as soon as the API server answers.
    '--skip-crd-creation=true',
  ];
}

export function relayCommand(program: string): string[] {
  return [
    program,
    'hubble-relay',
    'serve',
    `--peer-service=127.0.0.1:${HUBBLE_PORT}`,
    `--listen-address=${NODE_ADDRESS}:${RELAY_PORT}`,
    '--health-listen-address=127.0.0.1:4222',
    '--disable-client-tls',
    '--disable-server-tls',
  ];
}
