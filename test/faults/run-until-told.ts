/**
 * A process that follows ConfigMaps and works on them until its standard input ends, then stops and is expected to end
 * by itself: nothing in here or below may exit. Arguments: kubeconfig, namespace. Prints `ready`, then what it did.
 */
import { argv, stdin, stdout } from 'node:process';
import { systemClock } from '../../src/kube/clock.ts';
import { WorkQueue } from '../../src/kube/work-queue.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { follow } from './followed.ts';

const [kubeconfigPath = '', namespace = ''] = argv.slice(2);
const queue = new WorkQueue({
  name: 'notes',
  workers: 2,
  clock: systemClock,
  log: silentLogger,
  handle: async (key) => {
    stdout.write(`begun ${key}\n`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    stdout.write(`done ${key}\n`);
    return { requeueAfterMs: 3_600_000 };
  },
});
const followed = follow(kubeconfigPath, namespace, (name) => queue.add(name));
queue.start();
await followed.operator.start();
await followed.operator.whenSynced();
stdout.write('ready\n');
for await (const _chunk of stdin) {
  // Until it ends.
}
await followed.operator.stop();
stdout.write(`drained ${await queue.stop(10_000)}\n`);
await followed.client.close();
