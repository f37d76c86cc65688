/**
 * The API as a person with kubectl meets it: columns, short names, explanations, samples, and what bad files are told.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { useCluster } from '../support/cluster.ts';

const cluster = useCluster();
const samples = fileURLToPath(new URL('../../config/samples', import.meta.url));

const SANDBOX = `
apiVersion: bulkhead.dev/v1alpha1
kind: AgentSandbox
metadata: {name: agents}
spec: {selector: {podSelector: {matchLabels: {app: agent}}}}
`;
const INCIDENT = `
apiVersion: bulkhead.dev/v1alpha1
kind: AgentIncident
metadata: {name: manual}
spec: {sandbox: agents, pod: {name: agent-0}, detector: Manual, title: by hand, explanation: because}
`;

async function kubectl(
  args: readonly string[],
  stdin?: string,
): Promise<{ code: number | null; out: string; err: string }> {
  const namespace = await cluster.namespace();
  const { code, stdout, stderr } = await cluster.kubectl(['-n', namespace, ...args], stdin);
  return { code, out: stdout, err: stderr };
}

describe('kubectl get', () => {
  beforeAll(async () => {
    const { code, err } = await kubectl(['create', '-f', '-'], `${SANDBOX}---${INCIDENT}`);
    expect(err).toBe('');
    expect(code).toBe(0);
    const namespace = await cluster.namespace();
    const status = {
      pods: { matched: 4, enforced: 3, quarantined: 1, unenforceable: 0 },
      incidents: { open: 2, total: 5 },
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Reconciled',
          message: '',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    };
    await cluster.api.call(
      'PATCH',
      `/apis/bulkhead.dev/v1alpha1/namespaces/${namespace}/agentsandboxes/agents/status`,
      {
        body: { status },
        contentType: 'application/merge-patch+json',
      },
    );
  });

  const cells = (line: string | undefined) => (line ?? '').trim().split(/ {2,}/);

  it.each([
    [
      'asb',
      ['NAME', 'MODE', 'READY', 'ENFORCED', 'QUARANTINED', 'INCIDENTS', 'AGE'],
      ['agents', 'Enforce', 'True', '3', '1', '2'],
    ],
    [
      'ainc',
      ['NAME', 'SANDBOX', 'POD', 'DETECTOR', 'SCORE', 'RESPONSE', 'PHASE', 'AGE'],
      ['manual', 'agents', 'agent-0', 'Manual', '100', 'Quarantine'],
    ],
  ])('%s shows the columns', async (shortName, head, row) => {
    const { out } = await kubectl(['get', shortName]);
    const [first, second] = out.split('\n');
    expect(cells(first)).toEqual(head);
    expect(cells(second).slice(0, row.length)).toEqual(row);
  });

  it('shows more with -o wide', async () => {
    const { out } = await kubectl(['get', 'asb', '-o', 'wide']);
    expect(cells(out.split('\n')[0]).slice(7)).toEqual(['MATCHED', 'UNENFORCEABLE', 'COVERED', 'REASON']);
  });

  it('finds both kinds by category', async () => {
    const { out } = await kubectl(['get', 'bulkhead', '-o', 'name']);
    expect(out.trim().split('\n').sort()).toEqual([
      'agentincident.bulkhead.dev/manual',
      'agentsandbox.bulkhead.dev/agents',
    ]);
  });

  it('selects incidents by field', async () => {
    const { out } = await kubectl([
      'get',
      'ainc',
      '--field-selector',
      'spec.sandbox=agents,spec.detector=Manual',
      '-o',
      'name',
    ]);
    expect(out.trim()).toBe('agentincident.bulkhead.dev/manual');
    const other = await kubectl(['get', 'ainc', '--field-selector', 'spec.pod.name=other', '-o', 'name']);
    expect(other.out).toBe('');
  });
});

it('kubectl explain describes the fields', async () => {
  const { out } = await kubectl(['explain', 'agentsandbox.spec.egress']);
  expect(out).toContain('What the pods may connect to. Everything else is denied.');
  const { out: enumerated } = await kubectl(['explain', 'asb.spec.mode']);
  expect(enumerated).toMatch(/ENUM:\s+Observe\s+Enforce\s+Lockdown/);
});

const RULES = Array.from(
  { length: 10_000 },
  (_, i) => `{name: r${i}, to: [{fqdn: a.example}], ports: [{port: 1}]}`,
).join();

describe('kubectl refuses', () => {
  it.each([
    ['malformed YAML', `${SANDBOX}\n\tbad: 1`, /error (parsing|converting) .*yaml: line/i],
    ['an unknown field', SANDBOX.replace('spec: {', 'spec: {egres: {}, '), /unknown field "spec\.egres"/],
    [
      '10 000 rules',
      SANDBOX.replace('spec: {', `spec: {egress: {allow: [${RULES}]}, `),
      /Too many: 10000: must have at most 128 items/,
    ],
    [
      'an empty selector',
      SANDBOX.replace('{matchLabels: {app: agent}}', '{}'),
      /an empty selector would take every pod/,
    ],
    [
      'an unknown field of the status',
      SANDBOX.replace('spec: {', 'status: {pod: 1}\nspec: {'),
      /unknown field "status\.pod"/,
    ],
    [
      'an incident whose name could not become a label',
      INCIDENT.replace('manual', 'i'.repeat(64)),
      /at most 63 characters/,
    ],
  ])('%s', async (_name, manifest, message) => {
    const { code, err } = await kubectl(
      ['create', '--dry-run=server', '-f', '-'],
      manifest.replace('name: agents', 'name: fresh'),
    );
    expect(err).toMatch(message);
    expect(code).toBe(1);
  });
});

it('the API server refuses a key given twice, where kubectl silently keeps the last', async () => {
  const namespace = await cluster.namespace();
  const { status, body } = await cluster.api.request(
    'POST',
    `/apis/bulkhead.dev/v1alpha1/namespaces/${namespace}/agentsandboxes?dryRun=All&fieldValidation=Strict`,
    { body: SANDBOX.replace('spec: {', 'spec: {mode: Observe, mode: Enforce, '), contentType: 'application/yaml' },
  );
  expect(status).toBe(400);
  expect(body.message).toMatch(/mode" already set/);
});

describe('the samples pass', () => {
  const files = readdirSync(samples, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
  it.each(files)('%s', async (file) => {
    const manifest = readFileSync(`${samples}/${file}`, 'utf8').replaceAll(
      /^( *namespace:) .*$/gm,
      `$1 ${await cluster.namespace()}`,
    );
    const { code, err } = await kubectl(['create', '--dry-run=server', '--validate=strict', '-f', '-'], manifest);
    expect(err).toBe('');
    expect(code).toBe(0);
  });
});
