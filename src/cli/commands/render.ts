/**
 * `bulkhead render`: what the operator would write for these AgentSandboxes, without a cluster.
 *
 * It reads, compiles and prints; every decision is policy/compile.ts. What a cluster would tell (addresses of the API
 * server and the nodes, Services) comes from options and from the Services among the files. All or nothing: with one
 * invalid sandbox nothing is printed, so that a pipeline cannot take a part for the whole.
 */
import { Command, Option } from 'commander';
import { parseAddress } from '../../api/v1alpha1/address.ts';
import { printable } from '../../api/v1alpha1/display.ts';
import { type ManifestDocument, parseKubeObjects } from '../../api/v1alpha1/manifests.ts';
import { parseSandbox } from '../../api/v1alpha1/parse.ts';
import { formatProblem, type Problem } from '../../api/v1alpha1/problem.ts';
import type { AgentSandbox } from '../../api/v1alpha1/types.ts';
import { compilePolicy } from '../../policy/compile.ts';
import { type ClusterFacts, ENGINES, type Engine, type PolicyObject } from '../../policy/plan.ts';
import { toJson, toYaml } from '../../policy/serialize.ts';
import { readInputFiles } from '../input-files.ts';
import { type CommandIo, EXIT, UsageError } from '../io.ts';
import { serviceFacts } from '../service-facts.ts';

interface RenderOptions {
  filename: string[];
  engine: Engine;
  output: 'yaml' | 'json';
  namespace: string;
  apiServerAddress: string[];
  nodeAddress: string[];
  strict: boolean;
}

interface SandboxDocument {
  sandbox: AgentSandbox;
  namespace: string;
  file: string;
}

export function renderCommand(io: CommandIo): Command {
  return new Command('render')
    .description('Print the network policies of AgentSandboxes, as the operator would write them. Needs no cluster.')
    .requiredOption(
      '-f, --filename <file...>',
      'file, folder (with all below it) or - for standard input; may be repeated',
    )
    .addOption(new Option('--engine <engine>', 'policy engine of the cluster').choices(ENGINES).default('kubernetes'))
    .addOption(new Option('-o, --output <format>', 'output format').choices(['yaml', 'json']).default('yaml'))
    .option('-n, --namespace <name>', 'namespace of sandboxes that name none', 'default')
    .addOption(
      addressOption('--api-server-address <ip...>', 'address of the API server, always denied; may be repeated'),
    )
    .addOption(addressOption('--node-address <ip...>', 'address of a node, always denied; may be repeated'))
    .option('--strict', 'exit with 1 when anything a sandbox asks for stays denied', false)
    .addHelpText('after', HELP)
    .action(async (options: RenderOptions) => render(io, options));
}

async function render(io: CommandIo, options: RenderOptions): Promise<void> {
  const documents: ManifestDocument[] = [];
  const problems: Problem[] = [];
  for (const { name, text } of await readInputFiles(io, options.filename)) {
    const read = parseKubeObjects(text, name);
    documents.push(...read.documents);
    problems.push(...read.problems);
  }
  const sandboxes = readSandboxes(documents, options.namespace, problems);
  if (problems.length > 0) {
    throw new UsageError(`nothing rendered\n${problems.map((problem) => `  ${formatProblem(problem)}`).join('\n')}`);
  }
  if (sandboxes.length === 0) {
    throw new UsageError(
      `no AgentSandbox among ${documents.length} objects in ${options.filename.map((name) => printable(name)).join(', ')}`,
    );
  }
  const facts: ClusterFacts = {
    engine: options.engine,
    apiServerAddresses: options.apiServerAddress,
    nodeAddresses: options.nodeAddress,
    services: serviceFacts(
      documents.map(({ object }) => object),
      options.namespace,
    ),
  };
  const { objects, warnings } = compileAll(sandboxes, facts);
  const observed = sandboxes.filter(({ sandbox }) => sandbox.spec.mode === 'Observe');
  const notes = observed.map((document) => `${shown(document)}: mode Observe blocks nothing, so it has no policies`);
  io.stderr.write(
    [...notes.map((note) => `note: ${note}\n`), ...warnings.map((text) => `warning: ${text}\n`)].join(''),
  );
  io.stdout.write(options.output === 'json' ? toJson(objects) : toYaml(objects));
  if (options.strict && warnings.length > 0) {
    io.setExitCode(EXIT.no);
  }
}

/** Sorted by namespace and name, so that the order of files makes no difference. Invalid ones go to `problems`. */
function readSandboxes(
  documents: readonly ManifestDocument[],
  defaultNamespace: string,
  problems: Problem[],
): SandboxDocument[] {
  const sandboxes = new Map<string, SandboxDocument>();
  for (const document of documents.filter(({ object }) => isSandbox(object))) {
    const parsed = parseSandbox(document.object, document);
    if (parsed.problems !== undefined) {
      problems.push(...parsed.problems);
      continue;
    }
    const { sandbox } = parsed;
    const namespace = sandbox.metadata.namespace ?? defaultNamespace;
    const key = `${namespace}/${sandbox.metadata.name}`;
    const other = sandboxes.get(key);
    if (other !== undefined) {
      const message = `AgentSandbox ${key} is in ${printable(other.file)} already; their policies would overwrite each other`;
      problems.push({ file: printable(document.file), document: document.index + 1, field: 'metadata.name', message });
    }
    sandboxes.set(key, { sandbox, namespace, file: document.file });
  }
  return [...sandboxes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, document]) => document);
}

/** Any version of the kind: a version that is not known is an error to report, not an object to pass over. */
function isSandbox({ apiVersion, kind }: { apiVersion: string; kind: string }): boolean {
  return kind === 'AgentSandbox' && apiVersion.startsWith('bulkhead.dev/');
}

function compileAll(
  sandboxes: readonly SandboxDocument[],
  facts: ClusterFacts,
): { objects: PolicyObject[]; warnings: string[] } {
  const objects: PolicyObject[] = [];
  const warnings: string[] = [];
  for (const document of sandboxes) {
    const { sandbox, namespace } = document;
    const { name } = sandbox.metadata;
    // Without uid, and so without owner: what is applied from a file is owned by whoever applies it.
    const plan = compilePolicy({ namespace, name, uid: undefined, spec: sandbox.spec, quarantined: [] }, facts);
    objects.push(...plan.objects);
    warnings.push(...plan.gaps.map((gap) => `${shown(document)} ${gap.field}: ${gap.message}`));
  }
  return { objects, warnings };
}

function shown({ sandbox, namespace, file }: SandboxDocument): string {
  return `${printable(file)} ${namespace}/${sandbox.metadata.name}`;
}

function addressOption(flags: string, description: string): Option {
  return new Option(flags, description).default([], 'none').argParser((value: string, previous: string[]) => {
    if (parseAddress(value) === undefined) {
      throw new UsageError(`${flags.split(' ')[0]}: "${printable(value)}" is not an IP address`);
    }
    return [...previous, value];
  });
}

const HELP = `
Services that egress rules name are looked up among the files; other kinds are passed over.
What stays denied although a sandbox asks for it is written to standard error, one line each.

Exit codes: 0 rendered, 1 with --strict when something stays denied, 2 when the input cannot be read or is not valid.

Examples:
  bulkhead render -f sandbox.yaml
  bulkhead render -f manifests/ --engine cilium --api-server-address 198.51.100.10 | kubectl diff -f -`;
