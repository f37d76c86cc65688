import { expect, it } from 'vitest';
import { pod } from '../../../test/support/objects.ts';
import { blankFlow } from '../../flows/blank-flow.ts';

import type { Store } from '../../kube/store.ts';
import type { PodView } from '../../reconcile/ports.ts';
import { createEchoFilter } from './quarantine-echo.ts';

const held = pod('held', { labels: { 'bulkhead.dev/quarantine': 'crypto-mining-1' } });
const pods = { get: (_: string, name: string) => (name === 'held' ? held : pod(name)) } as Store<PodView>;

it.each([
  ['what a held pod is kept from', 'held', 'DROPPED', true],
  ['not what a held pod gets through', 'held', 'FORWARDED', false],
  ['not what another pod is kept from', 'free', 'DROPPED', false],
] as const)('takes for an echo %s', (_name, podName, verdict, isEcho) => {
  const flow = blankFlow();
  const source = { ...flow.source, namespace: 'agents', podName };
  expect(createEchoFilter({ pods })({ ...flow, source, verdict: verdict })).toBe(isEcho);
});
