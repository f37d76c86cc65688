import { expect, it } from 'vitest';
import { isRecentClang } from './clang.ts';

it.each([
  ['Debian 12’s own', 'Debian clang version 14.0.6\nTarget: x86_64-pc-linux-gnu', false],
  ['one just too old', 'clang version 18.0.0', false],
  ['the oldest that will do', 'Ubuntu clang version 18.1.3 (1ubuntu1)', true],
  ['a newer one', 'Debian clang version 19.1.7 (3~deb12u1)', true],
  ['no answer', '', false],
])('judges whether a clang compiles Cilium’s BPF programs: %s', (_, text, isRecent) => {
  expect(isRecentClang(text)).toBe(isRecent);
});
