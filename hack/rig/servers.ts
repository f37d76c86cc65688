/**
 * How each server of a control plane is started: its program and flags, from where its files and ports are. The flags are
 * upstream's own, so they fit our one-file build and the programs of KUBEBUILDER_ASSETS alike.
 */
import { join } from 'node:path';
import { LOOPBACK } from './ports.ts';

/** Programs for the servers; `controllerManager` is missing from KUBEBUILDER_ASSETS. */
export interface ServerPrograms {
  etcd: readonly string[];
  apiserver: readonly string[];
  controllerManager?: readonly string[];
}

export interface ServerPorts {
  etcdClient: number;
  etcdPeer: number;
  apiserver: number;
}

/** Files in the folder of a control plane. */
export const FILES = {
  ca: 'ca.pem',
  serverCertificate: 'apiserver.pem',
  serverKey: 'apiserver.key',
  serviceAccountKey: 'service-account.key',
  serviceAccountPublicKey: 'service-account.pub',
  tokens: 'tokens.csv',
  adminKubeconfig: 'kubeconfig',
  controllerManagerKubeconfig: 'controller-manager.kubeconfig',
} as const;

/** The first address of the service range is the `kubernetes` Service. */
export const SERVICE_RANGE = '10.96.0.0/16';
export const SERVICE_ADDRESS = '10.96.0.1';
/** What the `kubernetes` Service points to; a documentation address, since nothing connects through it. */
export const ADVERTISED_ADDRESS = '192.0.2.10';
/** Names by which clients may call the API server. */
export const SERVER_NAMES = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

const ISSUER = 'https://kubernetes.default.svc.cluster.local';

/** The servers of our one-file build. */
export function programsOfBuild(binary: string): ServerPrograms {
  return {
    etcd: [binary, 'etcd'],
    apiserver: [binary, 'kube-apiserver'],
    controllerManager: [binary, 'kube-controller-manager'],
  };
}

/** The servers in a KUBEBUILDER_ASSETS folder. */
export function programsOfAssets(folder: string): ServerPrograms {
  return { etcd: [join(folder, 'etcd')], apiserver: [join(folder, 'kube-apiserver')] };
}

/** Without fsync: the data dies with the control plane, and the disk would set the pace of every write. */
export function etcdFlags(folder: string, ports: ServerPorts): string[] {
  const client = `http://${LOOPBACK}:${ports.etcdClient}`;
  const peer = `http://${LOOPBACK}:${ports.etcdPeer}`;
  return [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

export function apiserverFlags(folder: string, ports: ServerPorts, hasControllerManager: boolean): string[] {
  return [
    `--etcd-servers=http://${LOOPBACK}:${ports.etcdClient}`,
    `--bind-address=${LOOPBACK}`,
    `--secure-port=${ports.apiserver}`,
    `--advertise-address=${ADVERTISED_ADDRESS}`,
    `--tls-cert-file=${join(folder, FILES.serverCertificate)}`,
    `--tls-private-key-file=${join(folder, FILES.serverKey)}`,
    `--cert-dir=${join(folder, 'certificates')}`,
    `--token-auth-file=${join(folder, FILES.tokens)}`,
    '--authorization-mode=RBAC',
    `--service-account-issuer=${ISSUER}`,
    `--service-account-key-file=${join(folder, FILES.serviceAccountPublicKey)}`,
    `--service-account-signing-key-file=${join(folder, FILES.serviceAccountKey)}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    '--allow-privileged=true',
    // Nobody makes the ServiceAccount that this admission waits for.
    ...(hasControllerManager ? [] : ['--disable-admission-plugins=ServiceAccount']),
  ];
}

/** Every controller acts as its own ServiceAccount, as in a real cluster: admission sees who makes the pods. */
export function controllerManagerFlags(folder: string): string[] {
  return [
    `--kubeconfig=${join(folder, FILES.controllerManagerKubeconfig)}`,
    `--service-account-private-key-file=${join(folder, FILES.serviceAccountKey)}`,
    `--root-ca-file=${join(folder, FILES.ca)}`,
    '--use-service-account-credentials=true',
    '--leader-elect=false',
    '--secure-port=0',
    // The defaults, 20 and 30, make a test that creates a few dozen objects wait.
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ];
}
