/**
 * What the operator may be told, and what it assumes when it is told nothing: each option with flag, variable, unit,
 * default and reason.
 *
 * Before adding one ask whether a good default would do, and whether it does not rather belong into an AgentSandbox. How
 * the values are found and checked is `config.ts`.
 */
import Type, { type TSchema } from 'typebox';

/** How the text of a flag becomes a value. */
export type Kind = 'text' | 'list' | 'count' | 'duration' | 'switch';

/** One option: its flag, its variable, its schema, and why the default is what it is. */
export interface ConfigOption {
  /** As in `--metrics-address`. */
  flag: string;
  /** Placeholder of the value in the help; absent for a switch. */
  metavar?: string;
  env: string;
  kind: Kind;
  schema: TSchema;
  /** As one would write it; absent when there is none. */
  default?: string;
  /** What it does, and why the default. */
  description: string;
  /** What a right value looks like; ends every error message. */
  expects: string;
}

/** `host:port` with an optional host; IPv6 in brackets. */
const Address = Type.String({
  pattern: '^(\\[[0-9a-fA-F:]+\\]|[^:\\s/]*):(6553[0-5]|655[0-2]\\d|65[0-4]\\d\\d|6[0-4]\\d{3}|[1-5]?\\d{1,4})$',
});
const Name = Type.String({ pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' });
const Path = Type.Optional(Type.String({ minLength: 1 }));
const ADDRESS_HINT = 'an address such as :8080, 127.0.0.1:8080 or [::1]:8080';
const DURATION_HINT = 'a duration such as 30s, 10m or 1h30m';

/** Milliseconds. */
function Milliseconds(minimum: number, maximum: number) {
  return Type.Integer({ minimum, maximum });
}

export const MINUTE_MS = 60_000;

/** Every option of `bulkhead operator`, by the name of its field in the configuration. */
export const OPTIONS = {
  kubeconfig: {
    flag: '--kubeconfig',
    metavar: 'FILE',
    env: 'BULKHEAD_KUBECONFIG',
    kind: 'text',
    schema: Path,
    description:
      'kubeconfig to use; without it the pod’s service account, else KUBECONFIG, else ~/.kube/config, as kubectl',
    expects: 'the path of a kubeconfig file',
  },
  context: {
    flag: '--context',
    metavar: 'NAME',
    env: 'BULKHEAD_CONTEXT',
    kind: 'text',
    schema: Path,
    description: 'context of the kubeconfig to use, when it is not the current one',
    expects: 'the name of a context in the kubeconfig',
  },
  namespace: {
    flag: '--namespace',
    metavar: 'NAME',
    env: 'BULKHEAD_NAMESPACE',
    kind: 'text',
    schema: Name,
    default: 'bulkhead-system',
    description:
      'namespace of Bulkhead itself: its lease, its certificates, its webhook Service; never matched by its webhooks',
    expects: 'the name of a namespace',
  },
  flows: {
    flag: '--flows',
    metavar: 'URL',
    env: 'BULKHEAD_FLOWS',
    kind: 'list',
    schema: Type.Array(Type.String({ minLength: 1 }), { maxItems: 16 }),
    default: '',
    description:
      'where flows come from: hubble+grpc://HOST:PORT, hubble+tls://HOST:PORT, unix:///PATH, a file, or -; may be given several times, in the variable separated by commas; without any, policy and admission work and nothing is detected',
    expects: 'up to 16 flow sources, such as hubble+grpc://hubble-relay.kube-system.svc',
  },
  lateness: {
    flag: '--lateness',
    metavar: 'DURATION',
    env: 'BULKHEAD_LATENESS',
    kind: 'duration',
    schema: Milliseconds(0, 5 * MINUTE_MS),
    default: '2s',
    description:
      'how long detection waits for flows that arrive out of order; it is added to the time until a quarantine; Hubble delivers 95 % of flows within 0.6 s, measured on one node',
    expects: `${DURATION_HINT}, at most 5m`,
  },
  engine: {
    flag: '--engine',
    metavar: 'NAME',
    env: 'BULKHEAD_ENGINE',
    kind: 'text',
    schema: Type.Enum(['auto', 'kubernetes', 'cilium']),
    default: 'auto',
    description:
      'policies to write: NetworkPolicy alone, or Cilium’s too; auto asks the cluster whether it has Cilium’s kinds',
    expects: 'auto, kubernetes or cilium',
  },
  webhookAddress: {
    flag: '--webhook-address',
    metavar: 'HOST:PORT',
    env: 'BULKHEAD_WEBHOOK_ADDRESS',
    kind: 'text',
    schema: Address,
    default: ':9443',
    description: 'address the admission webhook listens on; port 0 takes any free one',
    expects: ADDRESS_HINT,
  },
  webhookUrl: {
    flag: '--webhook-url',
    metavar: 'URL',
    env: 'BULKHEAD_WEBHOOK_URL',
    kind: 'text',
    schema: Type.Optional(Type.String({ pattern: '^https://[^/?#\\s]+/?$' })),
    description:
      'URL under which the API server reaches the webhook when Bulkhead runs outside the cluster; port 0 in it stands for the port that was taken; without it the Service bulkhead-webhook is used',
    expects: 'an https URL without a path, such as https://192.0.2.10:9443',
  },
  metricsAddress: {
    flag: '--metrics-address',
    metavar: 'HOST:PORT',
    env: 'BULKHEAD_METRICS_ADDRESS',
    kind: 'text',
    schema: Address,
    default: ':8080',
    description: 'address of /metrics, /healthz and /readyz',
    expects: ADDRESS_HINT,
  },
  leaderElection: {
    flag: '--leader-election',
    env: 'BULKHEAD_LEADER_ELECTION',
    kind: 'switch',
    schema: Type.Boolean(),
    default: 'true',
    description:
      'let one replica reconcile and detect while the others stand by; turn it off only for a single process',
    expects: 'true or false',
  },
  workers: {
    flag: '--workers',
    metavar: 'N',
    env: 'BULKHEAD_WORKERS',
    kind: 'count',
    schema: Type.Integer({ minimum: 1, maximum: 64 }),
    default: '8',
    description:
      'sandboxes reconciled at once; passes wait for the API server, not for the CPU, so more than cores is right',
    expects: 'a whole number from 1 to 64',
  },
  resync: {
    flag: '--resync',
    metavar: 'DURATION',
    env: 'BULKHEAD_RESYNC',
    kind: 'duration',
    schema: Milliseconds(10_000, 24 * 60 * MINUTE_MS),
    default: '10m',
    description:
      'how often every sandbox is looked at without cause and every kind is listed anew: what was missed is made good',
    expects: `${DURATION_HINT}, from 10s to 24h`,
  },
  logLevel: {
    flag: '--log-level',
    metavar: 'LEVEL',
    env: 'BULKHEAD_LOG_LEVEL',
    kind: 'text',
    schema: Type.Enum(['debug', 'info', 'warn', 'error']),
    default: 'info',
    description: 'least severe log lines to write',
    expects: 'debug, info, warn or error',
  },
} as const satisfies Record<string, ConfigOption>;
