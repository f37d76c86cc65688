/**
 * What a cluster has besides its nodes and the rig must bring: a DNS server in kube-system, as Bulkhead's policies expect
 * one, and the Service of Hubble's relay. The DNS server is dnsmasq: it knows the cluster's Services, as kubectl watches
 * them, and asks the outside's server for the rest. Names of pods and headless Services it does not know.
 */
import { RELAY_PORT } from './cilium.ts';
import { IMAGES } from './images/recipes.ts';
import { DNS_ADDRESS, NODE_ADDRESS, OUTSIDE } from './network.ts';

/** A template that prints a hosts file of all Services that have an address. */
const HOSTS =
  '{{range .items}}{{if ne .spec.clusterIP "None"}}{{.spec.clusterIP}} {{.metadata.name}}.{{.metadata.namespace}}.svc.cluster.local{{"\\n"}}{{end}}{{end}}';

/** Writes the names anew whenever a Service changes; dnsmasq forgets and reads them on HUP. */
const DNS_SCRIPT = `touch /run/names
dnsmasq --keep-in-foreground --log-facility=- --no-hosts --no-resolv --addn-hosts=/run/names --local=/cluster.local/ \\
  --server=${OUTSIDE.dns} --user=root --pid-file= --cache-size=0 &
server=$!
trap 'kill $server; exit' TERM
while kill -0 $server; do
  kubectl get services --all-namespaces --watch --output=name | while read -r _; do
    kubectl get services --all-namespaces --output='go-template=${HOSTS}' >/run/names.new &&
      mv /run/names.new /run/names && kill -HUP $server
  done &
  wait -n
  sleep 1
done`;

const NAMESPACE = 'kube-system';
const DNS = 'kube-dns';
const DNS_LABELS = { 'k8s-app': DNS };
const DNS_PORTS = [
  { name: 'dns', port: 53, protocol: 'UDP' },
  { name: 'dns-tcp', port: 53, protocol: 'TCP' },
];
const RELAY = 'hubble-relay';

/** The objects, in the order in which they are applied. */
export function clusterServices(): object[] {
  return [...dnsObjects(), ...relayObjects()];
}

/** What `kubectl wait` is asked for: the DNS server answers. */
export const DNS_DEPLOYMENT = { namespace: NAMESPACE, name: 'dns' };

function dnsObjects(): object[] {
  const account = { name: 'dns', namespace: NAMESPACE };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'rig-dns' },
      rules: [{ apiGroups: [''], resources: ['services'], verbs: ['get', 'list', 'watch'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'rig-dns' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'rig-dns' },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: DNS, namespace: NAMESPACE, labels: DNS_LABELS },
      spec: { clusterIP: DNS_ADDRESS, selector: DNS_LABELS, ports: DNS_PORTS },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: DNS_DEPLOYMENT,
      spec: {
        selector: { matchLabels: DNS_LABELS },
        template: { metadata: { labels: DNS_LABELS }, spec: dnsPod() },
      },
    },
  ];
}

function dnsPod(): object {
  return {
    serviceAccountName: 'dns',
    priorityClassName: 'system-cluster-critical',
    // It is what others resolve with.
    dnsPolicy: 'Default',
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'dns',
        image: IMAGES.dns,
        imagePullPolicy: 'Never',
        command: ['/bin/bash', '-c', DNS_SCRIPT],
        env: [{ name: 'HOME', value: '/tmp' }],
        ports: DNS_PORTS.map(({ name, port, protocol }) => ({ name, containerPort: port, protocol })),
        readinessProbe: {
          exec: { command: ['nslookup', '-type=a', 'kubernetes.default.svc.cluster.local', '127.0.0.1'] },
          periodSeconds: 1,
        },
      },
    ],
  };
}

/** The relay is a process beside the agent; its Service is what an installation of Cilium has. */
function relayObjects(): object[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: RELAY, namespace: NAMESPACE, labels: { 'k8s-app': RELAY } },
      spec: { ports: [{ name: 'grpc', port: 80, targetPort: RELAY_PORT }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: RELAY, namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': RELAY } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [NODE_ADDRESS], conditions: { ready: true } }],
      ports: [{ name: 'grpc', port: RELAY_PORT, protocol: 'TCP' }],
    },
  ];
}
