/**
 * A control plane, a Hubble server and an operator of a test file's own, with Bulkhead installed as users install it.
 * Only one operator can own a cluster's webhook configurations, so these files do not share the other tests' servers.
 */
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll } from 'vitest';
import { type LocalControlPlane, startLocalControlPlane } from '../../hack/rig/control-plane.ts';
import { bulkheadCrdPaths, ciliumCrdPaths } from '../../hack/rig/crds.ts';
import { type RunningHubble, startHubble } from '../../hack/rig/hubble.ts';
import { installBulkhead, type OperatorOptions, type RunningOperator, startOperator } from '../../hack/rig/operator.ts';
import type { AgentIncident, AgentSandbox } from '../../src/api/v1alpha1/types.ts';
import { run } from '../../src/cli/main.ts';

export class OperatorWorld {
  cluster!: LocalControlPlane;
  hubble!: RunningHubble;
  operator!: RunningOperator;
  #namespaces = 0;
  #options: OperatorOptions = {};

  async start(options: { cilium: boolean } & OperatorOptions): Promise<void> {
    const cilium = options.cilium ? await ciliumCrdPaths() : [];
    this.cluster = await startLocalControlPlane({ crds: [...bulkheadCrdPaths(), ...cilium] });
    this.hubble = await startHubble();
    await installBulkhead(this.cluster);
    this.#options = options;
    await this.startOperator();
  }

  async startOperator(): Promise<void> {
    this.operator = await startOperator(this.cluster, {
      flows: [`unix://${this.hubble.socketPath}`],
      ...this.#options,
    });
  }

  async stop(): Promise<void> {
    await this.operator?.stop();
    await this.hubble?.stop();
    await this.cluster?.stop();
  }

  /** A fresh namespace with its default ServiceAccount, without which no pod is admitted. */
  async namespace(): Promise<string> {
    this.#namespaces += 1;
    const name = `agents-${this.#namespaces}`;
    await this.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await until(
      `the default ServiceAccount of ${name}`,
      async () => (await this.get(name, 'serviceaccount', 'default')) !== undefined,
    );
    return name;
  }

  async apply(object: object): Promise<{ code: number; stdout: string; stderr: string }> {
    return this.cluster.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(object));
  }

  async get<T = { spec: Record<string, unknown>; metadata: { labels?: Record<string, string> } }>(
    namespace: string,
    resource: string,
    name: string,
  ): Promise<T | undefined> {
    const result = await this.cluster.kubectl(['-n', namespace, 'get', resource, name, '-o', 'json']);
    return result.code === 0 ? (JSON.parse(result.stdout) as T) : undefined;
  }

  async names(namespace: string, resource: string): Promise<string[]> {
    const { stdout } = await this.cluster.kubectl(['-n', namespace, 'get', resource, '-o', 'name']);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.slice(line.indexOf('/') + 1));
  }

  async incidents(namespace: string): Promise<AgentIncident[]> {
    const { stdout } = await this.cluster.kubectl(['-n', namespace, 'get', 'ainc', '-o', 'json']);
    return (JSON.parse(stdout) as { items: AgentIncident[] }).items;
  }

  /** A condition of a sandbox, as `Status/Reason`. */
  async condition(namespace: string, name: string, type: string): Promise<string> {
    const sandbox = await this.get<AgentSandbox>(namespace, 'asb', name);
    const found = sandbox?.status?.conditions?.find((one) => one.type === type);
    return found === undefined ? '' : `${found.status}/${found.reason}`;
  }

  /** Runs `bulkhead …` in this process, with a kubeconfig. */
  async bulkhead(kubeconfig: string, ...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const [stdout, stderr] = [new Sink(), new Sink()];
    const code = await run([...argv, `--kubeconfig=${kubeconfig}`], {
      stdin: process.stdin,
      stdout,
      stderr,
      env: {},
      cwd: process.cwd(),
      color: false,
      signal: new AbortController().signal,
      setExitCode: () => {},
    });
    return { code, stdout: stdout.text, stderr: stderr.text };
  }
}

/** Starts a world before the tests of a file and ends it after them. */
export function useOperatorWorld(options: { cilium: boolean } & OperatorOptions): OperatorWorld {
  const world = new OperatorWorld();
  beforeAll(() => world.start(options));
  afterAll(() => world.stop());
  return world;
}

/** Waits until something is so; fails naming it when it is not in time. */
export async function until(what: string, holds: () => Promise<boolean>, withinMs = 20_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) {
      throw new Error(`waited in vain for: ${what}`);
    }
    await sleep(100);
  }
}

export function sandboxManifest(namespace: string, name: string, spec: object = {}): object {
  return {
    apiVersion: 'bulkhead.dev/v1alpha1',
    kind: 'AgentSandbox',
    metadata: { namespace, name },
    spec: {
      selector: { podSelector: { matchLabels: { app: name } } },
      admission: { podSecurity: 'Baseline', requireLimits: false },
      ...spec,
    },
  };
}

export function podManifest(namespace: string, name: string, app: string, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels: { app } },
    spec: { containers: [{ name: 'agent', image: 'registry.example.com/agent:1' }], ...spec },
  };
}

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
