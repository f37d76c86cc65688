/** Every recording can be read, is labelled, and names nobody's real address. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';

interface Line {
  time: string;
  flow: { source?: { pod_name?: string; namespace?: string; labels?: string[] }; IP?: { source: string; destination: string } };
}

interface Labels {
  [recording: string]: { pods: Record<string, { label: 'benign' | 'malicious'; behaviours: { from: string; to: string }[] }> };
}

const here = import.meta.dirname;
const files = readdirSync(here).filter((file) => file.endsWith('.jsonl.gz'));
const demo = JSON.parse(readFileSync(join(here, 'demo-rome.labels.json'), 'utf8')) as Labels;
const labels: Labels = { ...(JSON.parse(readFileSync(join(here, 'labels.json'), 'utf8')) as Labels), ...demo };

test('there is a label for each recording and a recording for each label', () => {
  expect(files.map((file) => file.replace('.jsonl.gz', '')).sort()).toEqual(Object.keys(labels).sort());
});

describe.each(files)('%s', (file) => {
  const lines = gunzipSync(readFileSync(join(here, file)))
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

  test('holds only private, documentation and link-local addresses', () => {
    const addresses = new Set(lines.flatMap(({ flow }) => (flow.IP ? [flow.IP.source, flow.IP.destination] : [])));
    expect([...addresses].filter((address) => !isHarmless(address))).toEqual([]);
  });

  test('shows each labelled pod, as Bulkhead would have stamped it, while it behaves as labelled', () => {
    for (const [pod, { behaviours }] of Object.entries(labels[file.replace('.jsonl.gz', '')]?.pods ?? {})) {
      const sent = lines.filter(({ flow }) => `${flow.source?.namespace}/${flow.source?.pod_name}` === pod);
      expect(sent.length).toBeGreaterThan(0);
      expect(sent[0]?.flow.source?.labels).toEqual(
        expect.arrayContaining(['k8s:bulkhead.dev/sandbox=rl-agents', expect.stringMatching(/^k8s:bulkhead\.dev\/pod-id=/)]),
      );
      for (const { from, to } of behaviours) {
        expect(sent.some(({ time }) => Date.parse(time) >= Date.parse(from) && Date.parse(time) <= Date.parse(to))).toBe(true);
      }
    }
  });
});

function isHarmless(address: string): boolean {
  const parsed = ipaddr.process(address);
  return ['private', 'reserved', 'linkLocal', 'multicast', 'unspecified', 'uniqueLocal'].includes(parsed.range());
}
