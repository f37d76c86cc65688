/**
 * `npm run demo`: the main job on a real API server and a real Hubble wire, told as the ROME story, in under two minutes.
 *
 * This file is the stage: what is started, in which order, and that everything is ended again. The story is `story.ts`.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { type ControlPlane, startControlPlane } from '../rig/control-plane.ts';
import { bulkheadCrdPaths, ciliumCrdPaths } from '../rig/crds.ts';
import { type RunningHubble, startHubble } from '../rig/hubble.ts';
import { installBulkhead, type RunningOperator, startOperator } from '../rig/operator.ts';
import { RigError } from '../rig/rig-error.ts';
import { tell } from './story.ts';
import { createTeller } from './teller.ts';

const HELP = `Usage: npm run demo [-- --keep]

Plays the ROME story on a real API server and a real Hubble server: an AgentSandbox becomes policy, a bad pod is refused,
a rogue training worker tunnels, probes and mines, is found and cut off, the record says why, a person lets it go.
Needs no Docker and no cluster. The first run builds a control plane from Go modules, which takes some minutes.

Options:
  --keep      leave everything running and print how to look at it with kubectl; Ctrl-C ends it
  -h, --help  print this

Exit status: 0 when the story went as it should, 1 when not, 2 for a wrong option.`;

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) {
    return 2;
  }
  if (options.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  process.once('SIGTERM', () => abort.abort());
  const stage = new Stage();
  try {
    const { cluster, operator, hubble } = await stage.set(abort.signal);
    const teller = createTeller();
    const ok = await tell({ cluster, operator, hubble, teller, signal: abort.signal });
    if (options.keep) {
      await keepRunning(cluster, operator, abort.signal);
    }
    return ok ? 0 : 1;
  } catch (error) {
    if (error instanceof RigError) {
      process.stderr.write(`bulkhead: ${error.message}\n`);
      return 1;
    }
    if (abort.signal.aborted) {
      return 130;
    }
    throw error;
  } finally {
    await stage.strike();
  }
}

/** What was started, to be ended in the opposite order, however far it came. */
class Stage {
  readonly #ends: (() => Promise<unknown>)[] = [];

  async set(signal: AbortSignal): Promise<{ cluster: ControlPlane; operator: RunningOperator; hubble: RunningHubble }> {
    const crds = [...bulkheadCrdPaths(), ...(await ciliumCrdPaths())];
    const cluster = await startControlPlane({ crds, signal });
    this.#ends.push(() => cluster.stop());
    const hubble = await startHubble({ relay: true });
    this.#ends.push(() => hubble.stop());
    await installBulkhead(cluster);
    const operator = await startOperator(cluster, { flows: [`hubble+grpc://${hubble.relayAddress}`] });
    this.#ends.push(() => operator.stop());
    return { cluster, operator, hubble };
  }

  async strike(): Promise<void> {
    for (const end of this.#ends.toReversed()) {
      await end();
    }
  }
}

async function keepRunning(cluster: ControlPlane, operator: RunningOperator, signal: AbortSignal): Promise<void> {
  process.stdout.write(`
Everything is still running. In another terminal:
  export KUBECONFIG=${cluster.kubeconfigPath}
  kubectl -n rl-training get asb,ainc,netpol,pods --show-labels
  npm run bulkhead -- incidents -n rl-training
  less ${operator.logPath}        # the operator's log
  curl -s ${operator.url}/metrics
(any kubectl from 1.34 on will do; the demo's own is found by: npm run --silent rig -- env)
Ctrl-C here ends it all.
`);
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }
}

function readOptions(): { keep: boolean; help: boolean } | undefined {
  try {
    const { values } = parseArgs({
      options: { keep: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
    });
    return values;
  } catch (error) {
    process.stderr.write(`bulkhead: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}\n`);
    return undefined;
  }
}

process.exitCode = await main();
