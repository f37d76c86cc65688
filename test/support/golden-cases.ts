/**
 * The cases of test/golden: a sandbox, what is known of its cluster, and what must come out for each engine.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { parseKubeObjects } from '../../src/api/v1alpha1/manifests.ts';
import { parseSandbox } from '../../src/api/v1alpha1/parse.ts';
import { formatProblem } from '../../src/api/v1alpha1/problem.ts';
import type { ClusterFacts, Engine, PolicyInput, ServiceFacts } from '../../src/policy/plan.ts';

/** Which file holds what must come out for an engine. */
export const EXPECTED_FILES = {
  kubernetes: 'expected.network-policy.yaml',
  cilium: 'expected.cilium.yaml',
} as const satisfies Record<Engine, string>;

export interface GoldenCase {
  name: string;
  folder: string;
  input: PolicyInput;
  facts(engine: Engine): ClusterFacts;
}

/** facts.yaml, of which everything may be left out. */
interface Facts {
  uid?: string;
  quarantined?: string[];
  apiServerAddresses?: string[];
  nodeAddresses?: string[];
  services?: Record<string, ServiceFacts>;
}

const GOLDEN = path.resolve(import.meta.dirname, '../golden');

export function goldenCases(): GoldenCase[] {
  const folders = readdirSync(GOLDEN, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.map(({ name }) => goldenCase(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function goldenCase(name: string): GoldenCase {
  const folder = path.join(GOLDEN, name);
  const file = path.join(folder, 'sandbox.yaml');
  const [document] = parseKubeObjects(readFileSync(file, 'utf8'), file).documents;
  const { sandbox, problems = [] } = parseSandbox(document?.object, document);
  if (sandbox === undefined) {
    throw new Error(problems.map(formatProblem).join('\n'));
  }
  const { uid, quarantined = [], apiServerAddresses = [], nodeAddresses = [], services = {} } = readFacts(folder);
  const { namespace = 'default', name: sandboxName } = sandbox.metadata;
  return {
    name,
    folder,
    input: { namespace, name: sandboxName, uid, spec: sandbox.spec, quarantined },
    facts: (engine) => ({ engine, apiServerAddresses, nodeAddresses, services: new Map(Object.entries(services)) }),
  };
}

function readFacts(folder: string): Facts {
  const names = readdirSync(folder);
  return names.includes('facts.yaml') ? parse(readFileSync(path.join(folder, 'facts.yaml'), 'utf8')) : {};
}
