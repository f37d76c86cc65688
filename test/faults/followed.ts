/**
 * An operator that follows the ConfigMaps of one namespace through the fault proxy, and what it was told.
 */
import type { KubeObject } from '../../src/api/v1alpha1/types.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { loadKubeConfig } from '../../src/kube/kube-config.ts';
import { createOperator, type KubeOperator } from '../../src/kube/operator.ts';
import { RESOURCES } from '../../src/kube/resources.ts';
import type { Store } from '../../src/kube/store.ts';
import { Transport } from '../../src/kube/transport.ts';
import { type LogFields, type Logger, silentLogger } from '../../src/telemetry/log.ts';

/** A ConfigMap as far as the tests look. */
export interface Note {
  name: string;
  text: string | undefined;
}

export interface Followed {
  operator: KubeOperator;
  client: KubeClient;
  store: Store<Note>;
  /** What onChange was told, such as `a=1` and `a gone`. */
  told: string[];
  logged: { level: string; message: string; fields: LogFields }[];
  stop(): Promise<void>;
}

/** @param onChange - instead of nothing, after the change was noted; may throw. */
export function follow(
  kubeconfigPath: string,
  namespace: string,
  onChange: (name: string) => void = () => {},
): Followed {
  const { config } = loadKubeConfig({ path: kubeconfigPath });
  const client = new KubeClient({ transport: new Transport(config), fieldManager: 'bulkhead', timeoutMs: 5000 });
  const told: string[] = [];
  const logged: Followed['logged'] = [];
  const operator = createOperator({
    client,
    kubeConfig: config,
    clock: systemClock,
    log: recordingLogger(logged),
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });
  const store = operator.createStore<Note>({
    resource: RESOURCES.configMaps,
    namespace,
    project: (raw) => ({
      name: raw.metadata.name,
      text: (raw as KubeObject & { data?: { text?: string } }).data?.text,
    }),
    onChange: ({ name }, note) => {
      told.push(note === undefined ? `${name} gone` : `${name}=${note.text}`);
      onChange(name);
    },
  });
  const stop = async (): Promise<void> => {
    await operator.stop();
    await client.close();
  };
  return { operator, client, store, told, logged, stop };
}

function recordingLogger(logged: Followed['logged']): Logger {
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void logged.push({ level, message, fields });
  const log: Logger = { ...silentLogger, warn: write('warn'), error: write('error'), with: () => log };
  return log;
}

/** Instead of 75 s: a quiet watch is renewed so often, which is harmless, and a dead one is found as fast. */
const IDLE_TIMEOUT_MS = 2000;
