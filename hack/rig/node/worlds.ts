/** The two sets of namespaces of a node, itself and the outside, joined by a wire. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Instance } from '../instance.ts';
import { cgroupFolders, daemonGroups, handDown, isUnified, makeCgroups, readHierarchies } from './cgroups.ts';
import { holdNamespaces, type Namespaces } from './namespaces.ts';
import { connectNetworks } from './network.ts';
import { OUTSIDE_FOLDER } from './node-cluster.ts';
import { createNodeRun, type NodeRun } from './node-run.ts';

export interface Worlds {
  run: NodeRun;
  node: Namespaces;
  outside: Namespaces;
  /** Where the node sees its own group of the unified hierarchy. */
  cgroupRoot: string;
}

/** Makes both. @param dependent - whether they end with this process, however that ends. */
export async function makeWorlds(instance: Instance, dependent: boolean): Promise<Worlds> {
  const hierarchies = readHierarchies(readFileSync('/proc/self/mounts', 'utf8'));
  const group = `bulkhead-rig-${instance.name}`;
  const root = cgroupFolders(hierarchies, group);
  const daemons = daemonGroups(hierarchies, root);
  const run = createNodeRun(instance, { cgroups: root, daemonGroups: daemons });
  makeCgroups(hierarchies, group);
  const outsideFolder = join(instance.folder, OUTSIDE_FOLDER);
  mkdirSync(outsideFolder);
  const [node, outside] = await Promise.all([
    holdNamespaces({
      name: 'node',
      folder: instance.folder,
      cgroups: {
        mounts: hierarchies.map(({ mountPoint, type, options }) => [mountPoint, type, options].join('|')),
        root,
        daemons,
      },
      dependent,
      onProcess: run.note,
    }),
    holdNamespaces({
      name: 'outside',
      folder: outsideFolder,
      cgroups: { mounts: [], root: [], daemons: [] },
      dependent,
      onProcess: run.note,
    }),
  ]);
  if (isUnified(hierarchies)) {
    root.forEach(moveToLeaf);
  }
  run.record.holders = { node: node.holder, outside: outside.holder };
  await connectNetworks(node, outside);
  return { run, node, outside, cgroupRoot: hierarchies.find(({ type }) => type === 'cgroup2')?.mountPoint ?? '' };
}

/** The group had to hold the node's first processes to become its root; only without them can it hand controllers down. */
function moveToLeaf(folder: string): void {
  const [leaf = folder] = daemonGroups([{ mountPoint: '', type: 'cgroup2', options: '' }], [folder]);
  for (const pid of readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
    writeFileSync(join(leaf, 'cgroup.procs'), pid);
  }
  handDown(folder);
}
