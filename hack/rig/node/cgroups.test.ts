import { describe, expect, it } from 'vitest';
import { daemonGroups, isUnified, readHierarchies } from './cgroups.ts';

const HYBRID = `proc /proc proc rw,nosuid 0 0
tmpfs /sys/fs/cgroup tmpfs ro,mode=755 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,nosuid,nodev,noexec,relatime 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,nosuid,nodev,noexec,relatime,xattr,release_agent=/lib/systemd/systemd-cgroups-agent,name=systemd 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,nodev,noexec,relatime,cpu,cpuacct 0 0`;
const UNIFIED = 'cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot 0 0';

describe('reading the hierarchies of a machine', () => {
  it('names each v1 hierarchy by its controllers, also those that share one', () => {
    expect(readHierarchies(HYBRID)).toEqual([
      { mountPoint: '/sys/fs/cgroup/unified', type: 'cgroup2', options: '' },
      { mountPoint: '/sys/fs/cgroup/systemd', type: 'cgroup', options: 'none,name=systemd' },
      { mountPoint: '/sys/fs/cgroup/cpu,cpuacct', type: 'cgroup', options: 'cpu,cpuacct' },
    ]);
  });

  it('finds one where there is only v2', () => {
    expect(readHierarchies(UNIFIED)).toEqual([{ mountPoint: '/sys/fs/cgroup', type: 'cgroup2', options: '' }]);
  });

  it('sees a hierarchy once that is mounted twice', () => {
    const again = 'cgroup2 /var/lib/somewhere/cgroup cgroup2 rw 0 0';
    expect(readHierarchies(`${UNIFIED}\n${again}`)).toHaveLength(1);
  });
});

it.each([
  ['v1 beside v2', HYBRID, false, ['/a']],
  ['v2 alone, where only leaves may hold processes', UNIFIED, true, ['/a/daemons']],
])('puts daemons where the kernel allows them: %s', (_, mounts, unified, groups) => {
  const hierarchies = readHierarchies(mounts);
  expect(isUnified(hierarchies)).toBe(unified);
  expect(daemonGroups(hierarchies, ['/a'])).toEqual(groups);
});
