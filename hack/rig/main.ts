/**
 * `npm run rig`: a control plane for a person to try things on. The same one that the tests and the demo start, except that
 * it stays until it is ended.
 */
import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { down, logs, shellEnvironment, status, up, upNode } from './commands.ts';
import { RigError } from './rig-error.ts';

const HELP = `
A real kube-apiserver, kube-controller-manager and etcd on 127.0.0.1, without Docker, and a kubectl that fits.
Nodes are missing, so pods are admitted and stay Pending; with --node there is one, with Cilium and Hubble.

  npm run rig -- up                            start it and install Bulkhead's CRDs
  npm run rig -- up --node                     the same with a real node (Linux, root; see docs/development/rig.md)
  eval "$(npm run --silent rig -- env)"        use it in this shell: KUBECONFIG, and kubectl on PATH
  kubectl get agentsandboxes -A
  npm run rig -- down                          end it; what was in it is gone

It runs on, in this order: the cluster that BULKHEAD_KUBECONFIG names, the programs in KUBEBUILDER_ASSETS,
an earlier build, kind if a Docker engine answers, a build from Go modules (some minutes, once).`;

async function run(argv: readonly string[]): Promise<number> {
  const program = new Command('rig')
    .description('A Kubernetes control plane on this machine.')
    .addHelpText('after', HELP)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  const named = (name: string, description: string) =>
    program.command(name).description(description).option('--name <name>', 'which control plane', 'default');
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  process.once('SIGTERM', () => abort.abort());
  let code = 0;
  named('up', 'start it, or say that it runs')
    .option('--node', 'with a real node: kubelet, containerd, Cilium, Hubble')
    .option('--install', 'install the Debian packages that the node lacks')
    .action(({ name, node, install }) =>
      node === true ? upNode(name, install === true, abort.signal) : up(name, abort.signal),
    );
  named('down', 'end it; ending none is fine').action(({ name }) => down(name));
  named('status', 'versions, pids, ports, memory; exit 1 when it does not run').action(async ({ name }) => {
    code = (await status(name)) ? 0 : 1;
  });
  named('env', 'print what a shell needs to use it').action(async ({ name }) => {
    process.stdout.write(await shellEnvironment(name));
  });
  named('logs', 'print what a part logged; without a part, their names')
    .argument('[part]')
    .action((part, { name }) => logs(name, part));
  await program.parseAsync([...argv], { from: 'user' });
  return code;
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof Error && error.name === 'AbortError') {
    process.stderr.write('rig: interrupted\n');
    process.exitCode = 130;
  } else if (error instanceof RigError) {
    process.stderr.write(`rig: ${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
