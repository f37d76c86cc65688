/**
 * Flows for benchmarks, as Hubble's JSON lines: a pod asks for a listed mining pool, gets an answer, and connects.
 */
import { randomUUID } from 'node:crypto';

/** @param at - event time of the first flow; the others follow within milliseconds. */
export function poolFlows(namespace: string, pod: string, at: Date): string[] {
  const source = {
    ID: 100,
    identity: 4000,
    namespace,
    pod_name: pod,
    labels: ['k8s:app=agent', `k8s:io.kubernetes.pod.namespace=${namespace}`],
  };
  const world = { identity: 2, labels: ['reserved:world'] };
  const dns = { identity: 5, namespace: 'kube-system', pod_name: 'coredns', labels: ['k8s:k8s-app=kube-dns'] };
  const name = 'pool.supportxmr.com';
  const ip = '203.0.113.30';
  const line = (offsetMs: number, flow: object): string => {
    const time = new Date(at.getTime() + offsetMs).toISOString();
    const whole = { time, uuid: randomUUID(), node_name: 'kind-worker', traffic_direction: 'EGRESS', ...flow };
    return JSON.stringify({ flow: whole, node_name: 'kind-worker', time });
  };
  return [
    line(0, {
      verdict: 'FORWARDED',
      Type: 'L7',
      IP: { source: '10.0.0.2', destination: '10.0.0.1', ipVersion: 'IPv4' },
      l4: { UDP: { source_port: 53, destination_port: 40_000 } },
      source: dns,
      destination: source,
      event_type: { type: 129 },
      is_reply: true,
      l7: { type: 'RESPONSE', dns: { query: `${name}.`, ips: [ip], ttl: 60, qtypes: ['A'], rrtypes: ['A'] } },
    }),
    line(1, {
      verdict: 'FORWARDED',
      Type: 'L3_L4',
      IP: { source: '10.0.0.1', destination: ip, ipVersion: 'IPv4' },
      l4: { TCP: { source_port: 40_001, destination_port: 3333, flags: { SYN: true } } },
      source,
      destination: world,
      destination_names: [name],
      event_type: { type: 4, sub_type: 3 },
      trace_observation_point: 'TO_STACK',
      trace_reason: 'NEW',
      is_reply: false,
    }),
  ];
}
