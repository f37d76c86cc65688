/**
 * `bulkhead check`: what admission would say of these pods, without a cluster.
 *
 * The same code judges here and behind the webhook: a pod is first changed as the mutating webhook would, then judged. What
 * only a cluster knows (other pods' ids, what other webhooks change) is left out. Workloads are judged by their pod
 * template, since that is what their pods will be.
 */
import { Command, Option } from 'commander';
import { applyPatch } from '../../admission/json-patch.ts';
import { mutatePod, removeLabels } from '../../admission/mutate-pod.ts';
import { labelsOf } from '../../admission/pod-subject.ts';
import { sandboxName } from '../../admission/refusal.ts';
import { selectSandboxes } from '../../admission/select-sandbox.ts';
import { judgeNewPod } from '../../admission/validate-pod.ts';
import { describeViolation, type Violation } from '../../admission/violation.ts';
import { printable } from '../../api/v1alpha1/display.ts';
import { type ManifestDocument, parseKubeObjects } from '../../api/v1alpha1/manifests.ts';
import { parseSandbox } from '../../api/v1alpha1/parse.ts';
import { formatProblem, type Problem } from '../../api/v1alpha1/problem.ts';
import type { AgentSandbox } from '../../api/v1alpha1/types.ts';
import { readInputFiles } from '../input-files.ts';
import { type CommandIo, EXIT, UsageError } from '../io.ts';
import { type PodDocument, podsOf } from '../pod-documents.ts';

interface CheckOptions {
  filename: string[];
  namespace: string;
  output: 'table' | 'json';
  requireMatch: boolean;
}

const VERDICTS = ['admitted', 'refused', 'observed', 'ungoverned'] as const;
type Verdict = (typeof VERDICTS)[number];

/** One line of the result, as `-o json` prints it. */
interface Checked {
  verdict: Verdict;
  kind: string;
  namespace: string;
  name: string;
  file: string;
  sandboxes: readonly string[];
  reasons: readonly string[];
  /** Why not, and how to pass. */
  messages: readonly string[];
  violations: readonly Violation[];
}

export function checkCommand(io: CommandIo): Command {
  return new Command('check')
    .description('Say whether pods would be admitted to their AgentSandbox, and why not. Needs no cluster.')
    .argument('<pod...>', 'file, folder (with all below it) or - for standard input: pods, or workloads that make pods')
    .requiredOption('-f, --filename <file>', 'AgentSandboxes: file, folder or -; may be repeated', collect)
    .option('-n, --namespace <name>', 'namespace of objects that name none', 'default')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['table', 'json']).default('table'))
    .option('--require-match', 'exit with 1 also when no AgentSandbox selects a pod', false)
    .addHelpText('after', HELP)
    .action(async (pods: string[], options: CheckOptions) => check(io, pods, options));
}

async function check(io: CommandIo, podFiles: readonly string[], options: CheckOptions): Promise<void> {
  if (podFiles.includes('-') && options.filename.includes('-')) {
    throw new UsageError('standard input (-) can be read only once');
  }
  const problems: Problem[] = [];
  const sandboxes = readSandboxes(await readDocuments(io, options.filename, problems), options.namespace, problems);
  const pods = podsOf(await readDocuments(io, podFiles, problems), options.namespace, problems);
  if (problems.length > 0) {
    throw new UsageError(`nothing checked\n${problems.map((problem) => `  ${formatProblem(problem)}`).join('\n')}`);
  }
  for (const [what, found] of [
    ['AgentSandbox', sandboxes],
    ['pod or workload', pods],
  ] as const) {
    if (found.length === 0) {
      const names = what === 'AgentSandbox' ? options.filename : podFiles;
      throw new UsageError(`no ${what} in ${names.map((name) => printable(name)).join(', ')}`);
    }
  }
  const checked = pods.map((pod) => judge(pod, sandboxes));
  io.stdout.write(options.output === 'json' ? asJson(checked) : asText(checked));
  const failing: readonly Verdict[] = options.requireMatch ? ['refused', 'ungoverned'] : ['refused'];
  if (checked.some(({ verdict }) => failing.includes(verdict))) {
    io.setExitCode(EXIT.no);
  }
}

async function readDocuments(
  io: CommandIo,
  names: readonly string[],
  problems: Problem[],
): Promise<ManifestDocument[]> {
  const documents: ManifestDocument[] = [];
  for (const { name, text } of await readInputFiles(io, names)) {
    const read = parseKubeObjects(text, name);
    documents.push(...read.documents);
    problems.push(...read.problems);
  }
  return documents;
}

function readSandboxes(
  documents: readonly ManifestDocument[],
  defaultNamespace: string,
  problems: Problem[],
): AgentSandbox[] {
  const sandboxes = new Map<string, AgentSandbox>();
  for (const document of documents.filter(({ object }) => isSandbox(object))) {
    const { sandbox, problems: found = [] } = parseSandbox(document.object, document);
    problems.push(...found);
    if (sandbox === undefined) {
      continue;
    }
    const namespace = sandbox.metadata.namespace ?? defaultNamespace;
    const key = `${namespace}/${sandbox.metadata.name}`;
    if (sandboxes.has(key)) {
      const message = `AgentSandbox ${key} is given twice; only one of them could be in force`;
      problems.push({ file: printable(document.file), document: document.index + 1, field: 'metadata.name', message });
    }
    sandboxes.set(key, { ...sandbox, metadata: { ...sandbox.metadata, namespace } });
  }
  return [...sandboxes.values()];
}

/** Any version of the kind: a version that is not known is an error to report, not an object to pass over. */
function isSandbox({ apiVersion, kind }: { apiVersion: string; kind: string }): boolean {
  return kind === 'AgentSandbox' && apiVersion.startsWith('bulkhead.dev/');
}

function judge(document: PodDocument, all: readonly AgentSandbox[]): Checked {
  const { kind, namespace, name, file, pod, prefix } = document;
  const sandboxes = all.filter(({ metadata }) => metadata.namespace === namespace);
  const selection = selectSandboxes(labelsOf(pod), sandboxes);
  const patch = selection.kind === 'one' ? mutatePod(pod, selection.sandbox, PLACEHOLDER_ID).patch : removeLabels(pod);
  const judgement = judgeNewPod(applyPatch(pod, patch), { sandboxes, operatorUsername: '', isPodIdTaken: () => false });
  const { objection } = judgement;
  const violations = (objection?.violations ?? []).map((found) => ({ ...found, field: `${prefix}${found.field}` }));
  const found = { kind, namespace, name, file, sandboxes: judgement.sandboxes.map(sandboxName) };
  if (judgement.sandboxes.length === 0) {
    return { verdict: 'ungoverned', ...found, reasons: [], messages: [ungoverned(namespace)], violations };
  }
  if (objection === undefined) {
    return { verdict: 'admitted', ...found, reasons: [], messages: [], violations };
  }
  const messages = objection.violations === undefined ? objection.sentences : violations.map(describeViolation);
  const verdict = judgement.refused ? 'refused' : 'observed';
  return { verdict, ...found, reasons: objection.reasons, messages, violations };
}

function ungoverned(namespace: string): string {
  return `no AgentSandbox that was given for namespace ${printable(namespace)} selects it by podSelector, so it would be admitted unguarded.`;
}

function asJson(checked: readonly Checked[]): string {
  return `${JSON.stringify({ pods: checked, summary: summary(checked) }, undefined, 2)}\n`;
}

function asText(checked: readonly Checked[]): string {
  const blocks = checked.flatMap(({ verdict, kind, namespace, name, file, sandboxes, messages }) => [
    `${verdict.padEnd(WIDTH)}${kind} ${printable(namespace)}/${printable(name)} (${printable(file)})${sandboxes.length === 0 ? '' : ` by ${sandboxes.join(' and ')}`}`,
    ...messages.map((message) => `${' '.repeat(WIDTH)}${verdict === 'observed' ? 'would refuse: ' : ''}${message}`),
  ]);
  const counts = Object.entries(summary(checked)).filter(([, count]) => count > 0);
  return `${[...blocks, '', counts.map(([verdict, count]) => `${count} ${verdict}`).join(', ')].join('\n')}\n`;
}

function summary(checked: readonly Checked[]): Record<Verdict, number> {
  const count = (wanted: Verdict) => checked.filter(({ verdict }) => verdict === wanted).length;
  return Object.fromEntries(VERDICTS.map((verdict) => [verdict, count(verdict)])) as Record<Verdict, number>;
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

const WIDTH = Math.max(...VERDICTS.map((verdict) => verdict.length)) + 2;

/** Stands for the id that only the webhook gives. */
const PLACEHOLDER_ID = '0'.repeat(16);

const HELP = `
Verdicts: admitted; refused; observed, when mode Observe would admit it with a warning; ungoverned, when no AgentSandbox
selects it. Workloads (Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob) are judged by
their pod template; other kinds are passed over.

Exit codes: 0 all would be admitted, 1 at least one is refused (or ungoverned, with --require-match), 2 when the input
cannot be read or is not valid.

Examples:
  bulkhead check -f sandbox.yaml pod.yaml
  helm template ./agents | bulkhead check -f sandboxes/ --require-match -o json -`;
