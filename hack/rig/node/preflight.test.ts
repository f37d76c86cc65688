import { describe, expect, it } from 'vitest';
import { describeLacks, missingOptions } from './preflight.ts';

const COMPLETE = [
  'BPF_SYSCALL=y',
  'BPF_JIT=y',
  'CGROUP_BPF=y',
  'NET_CLS_BPF=m',
  'NET_SCH_INGRESS=m',
  'VETH=m',
  'OVERLAY_FS=y',
].map((option) => `CONFIG_${option}`);

describe('a kernel’s configuration', () => {
  it('may have an option built in or as a module', () => {
    expect(missingOptions(COMPLETE.join('\n'))).toEqual([]);
  });

  it('lacks what is off or not mentioned', () => {
    const config = COMPLETE.filter((line) => !/VETH|CGROUP_BPF/.test(line)).join('\n');
    expect(missingOptions(`${config}\n# CONFIG_VETH is not set`)).toEqual(['CGROUP_BPF', 'VETH']);
  });

  it('says nothing when it cannot be read', () => {
    expect(missingOptions(undefined)).toEqual([]);
  });
});

it('tells everything that is missing at once, with one command for all packages', () => {
  const text = describeLacks([
    { what: 'root', remedy: 'run it with sudo' },
    { what: '/usr/bin/nmap', remedy: 'apt-get install nmap', package: 'nmap' },
    { what: 'containerd', remedy: 'apt-get install containerd', package: 'containerd' },
  ]);
  expect(text).toContain('root: run it with sudo');
  expect(text).toContain('/usr/bin/nmap: apt-get install nmap');
  expect(text).toContain('apt-get install --yes --no-install-recommends nmap containerd');
});
