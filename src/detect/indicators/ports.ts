/**
 * Ports that say something by themselves, with where each list comes from. What they weigh is for the detectors to say.
 */

/** Seldom used by anything but miners. Falco `miner_ports`; 10128, 13333, 20580 from rule test suites;
 * 18081 is the RPC port of a Monero daemon, which solo mining uses. Elasticsearch keeps 9200. */
export const MINER_PORTS_RARE: ReadonlySet<number> = new Set([
  3333, 3334, 3335, 3336, 3357, 4444, 5555, 5556, 5588, 5730, 6099, 6666, 7777, 7778, 9332, 10128, 13333, 14433, 14444,
  18081, 20580, 45560, 45700,
]);

/** Also in Falco `miner_ports`, and used by ordinary services. */
export const MINER_PORTS_COMMON: ReadonlySet<number> = new Set([
  25, 8000, 8001, 8008, 8080, 8118, 8333, 8888, 8899, 9999,
]);

export const SSH_PORTS: ReadonlySet<number> = new Set([22, 2022, 2222]);

/** UDP: WireGuard, Tailscale, ZeroTier, STUN. */
export const OVERLAY_PORTS: ReadonlySet<number> = new Set([3478, 9993, 41641, 51820]);

/** Falco `ssh_non_standard_ports` and the call-back ports of Sigma's network rules. */
export const CALLBACK_PORTS: ReadonlyMap<number, string> = new Map([
  ...[80, 8080, 88, 443, 8443, 53, 4444].map((port) => [port, 'Falco ssh_non_standard_ports'] as const),
  ...[888, 999, 2200, 2222, 4000, 6789, 8531, 50501, 51820].map((port) => [port, 'Sigma call-back ports'] as const),
]);

/** DNS in clear and over TLS. */
export const DNS_PORTS: ReadonlySet<number> = new Set([53, 853]);

/** Regular, long-lived and harmless over UDP. */
export const NTP_PORT = 123;
