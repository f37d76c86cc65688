/**
 * `bulkhead replay`: what detection would have found in recorded flows, without a cluster.
 *
 * The engine is the operator's, driven by the times in the flows; only who the pods are comes from the flows themselves.
 * It tells what would have been called for: the mode of a sandbox and the limits of its response are not applied.
 */
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { printable } from '../../api/v1alpha1/display.ts';
import { type ManifestDocument, parseKubeObjects } from '../../api/v1alpha1/manifests.ts';
import { parseSandbox } from '../../api/v1alpha1/parse.ts';
import { formatProblem, type Problem } from '../../api/v1alpha1/problem.ts';
import type { AgentSandbox } from '../../api/v1alpha1/types.ts';
import { createEngine, type EngineStats } from '../../detect/engine.ts';
import { atLeast, type Finding } from '../../detect/finding.ts';
import { DETECTORS } from '../../detect/registry.ts';
import type { DecodeFailure, FlowSource } from '../../flows/flow.ts';
import { FlowSourceError } from '../../flows/sources/flow-source-error.ts';
import { jsonlFile } from '../../flows/sources/jsonl-file.ts';
import { jsonlStream } from '../../flows/sources/jsonl-stream.ts';
import { readInputFiles } from '../input-files.ts';
import { type CommandIo, EXIT, UsageError } from '../io.ts';
import { mergeByTime } from '../replay/merge.ts';
import { createReplayPods, isMatchable, type ReplayPods } from '../replay/pods.ts';
import { asNdjson, asTable } from '../replay/print.ts';

interface ReplayOptions {
  filename: string[];
  flows: string[];
  namespace?: string;
  output: 'table' | 'ndjson';
  failOn?: 'alert' | 'restrict' | 'quarantine';
}

/** A source and what it could not read. */
interface Input {
  name: string;
  source: FlowSource;
  failures: DecodeFailure[];
}

export function replayCommand(io: CommandIo): Command {
  return new Command('replay')
    .description('Say what detection would have found in recorded flows, and when. Needs no cluster.')
    .requiredOption('-f, --filename <file...>', 'AgentSandboxes: file, folder or -; may be repeated')
    .requiredOption(
      '--flows <file...>',
      'flows as JSON lines (hubble observe -o jsonpb, or a file of the exporter), plain or .gz; - for standard input; may be repeated',
    )
    .option(
      '-n, --namespace <name>',
      'namespace of sandboxes that name none; without it they take pods of every namespace',
    )
    .addOption(new Option('-o, --output <format>', 'output format').choices(['table', 'ndjson']).default('table'))
    .addOption(
      new Option('--fail-on <action>', 'exit with 1 when a finding reaches this').choices([
        'alert',
        'restrict',
        'quarantine',
      ]),
    )
    .addHelpText('after', HELP)
    .action(async (options: ReplayOptions) => replay(io, options));
}

async function replay(io: CommandIo, options: ReplayOptions): Promise<void> {
  const { filename, flows, failOn } = options;
  if ([...filename, ...flows].filter((name) => name === '-').length > 1) {
    throw new UsageError('standard input (-) can be read only once');
  }
  const sandboxes = await readSandboxes(io, options);
  const pods = createReplayPods(sandboxes);
  const inputs = flows.map((name) => openInput(io, name));
  const { findings, stats } = await judge(inputs, pods, io.signal);
  io.stdout.write(options.output === 'ndjson' ? asNdjson(findings) : asTable(findings, io.color));
  io.stderr.write(summary(inputs, { findings, stats, pods, sandboxes }));
  const unread = inputs.filter(({ source }) => source.health().received === 0 && source.health().undecodable > 0);
  if (unread.length > 0) {
    throw new UsageError(
      `no line of ${unread.map(({ name }) => printable(name)).join(', ')} could be decoded as a flow`,
    );
  }
  if (failOn !== undefined && findings.some(({ action }) => atLeast(action, failOn))) {
    io.setExitCode(EXIT.no);
  }
}

async function judge(
  inputs: readonly Input[],
  pods: ReplayPods,
  signal: AbortSignal,
): Promise<{ findings: Finding[]; stats: EngineStats }> {
  const latest = new Map<string, Finding>();
  const engine = createEngine({
    resolve: pods.resolve,
    detectors: DETECTORS,
    limits: { latenessMs: LATENESS_MS },
    onFinding: (finding) => {
      const before = latest.get(finding.key);
      // A finding that had faded and was opened again must not hide what it once was.
      if (before === undefined || atLeast(finding.action, before.action)) {
        latest.set(finding.key, finding);
      }
    },
  });
  try {
    const sources = inputs.map(({ source }) => source);
    for await (const event of mergeByTime(sources, signal)) {
      engine.ingest(event);
    }
  } catch (error) {
    throw error instanceof FlowSourceError ? new UsageError(printable(error.message, MESSAGE_MAX)) : error;
  }
  engine.flush();
  return { findings: [...latest.values()].sort(byRaised), stats: engine.stats() };
}

async function readSandboxes(io: CommandIo, { filename, namespace }: ReplayOptions): Promise<AgentSandbox[]> {
  const problems: Problem[] = [];
  const documents: ManifestDocument[] = [];
  for (const { name, text } of await readInputFiles(io, filename)) {
    const read = parseKubeObjects(text, name);
    documents.push(...read.documents);
    problems.push(...read.problems);
  }
  const sandboxes: AgentSandbox[] = [];
  for (const document of documents.filter(({ object }) => isSandbox(object))) {
    const { sandbox, problems: found = [] } = parseSandbox(document.object, document);
    problems.push(...found);
    if (sandbox !== undefined) {
      const own = sandbox.metadata.namespace ?? namespace;
      sandboxes.push({
        ...sandbox,
        metadata: { ...sandbox.metadata, ...(own === undefined ? {} : { namespace: own }) },
      });
    }
  }
  if (problems.length > 0) {
    throw new UsageError(`nothing replayed\n${problems.map((problem) => `  ${formatProblem(problem)}`).join('\n')}`);
  }
  if (sandboxes.length === 0) {
    throw new UsageError(`no AgentSandbox in ${filename.map((name) => printable(name)).join(', ')}`);
  }
  return sandboxes;
}

/** Any version of the kind: a version that is not known is an error to report, not an object to pass over. */
function isSandbox({ apiVersion, kind }: { apiVersion: string; kind: string }): boolean {
  return kind === 'AgentSandbox' && apiVersion.startsWith('bulkhead.dev/');
}

function openInput(io: CommandIo, name: string): Input {
  const failures: DecodeFailure[] = [];
  const onFailure = (failure: DecodeFailure) => {
    if (failures.length < EXAMPLES) {
      failures.push(failure);
    }
  };
  return name === '-'
    ? { name: 'standard input', source: jsonlStream('standard input', io.stdin, { onFailure }), failures }
    : { name, source: jsonlFile(resolve(io.cwd, name), { onFailure }), failures };
}

interface Outcome {
  findings: readonly Finding[];
  stats: EngineStats;
  pods: ReplayPods;
  sandboxes: readonly AgentSandbox[];
}

/** What was read and what was not, for people; one fact a line. */
function summary(inputs: readonly Input[], { findings, stats, pods, sandboxes }: Outcome): string {
  const matched = pods.matched();
  const lines = [
    `${count(stats.flows, 'flow')} read, ${stats.matched} of them of ${count(matched.length, 'pod')} of ${count(sandboxes.length, 'sandbox')}; ${count(findings.length, 'finding')}${actionCounts(findings)}`,
    ...sandboxes
      .filter((sandbox) => !isMatchable(sandbox))
      .map(
        ({ metadata }) =>
          `note: ${printable(metadata.name)} selects by an owner that flows do not name; only pods with its label are found`,
      ),
    ...[...pods.contested()].map(
      ([pod, names]) =>
        `note: ${printable(pod)} is selected by ${names.map((name) => printable(name)).join(' and ')}; the first counts`,
    ),
    ...(matched.length === 0 && stats.flows > 0 ? [unmatchedNote(pods.unmatched())] : []),
    ...timeNotes(stats),
    ...inputs.flatMap(undecodedNotes),
  ];
  return `${lines.join('\n')}\n`;
}

function unmatchedNote(pods: readonly string[]): string {
  const examples = pods.slice(0, EXAMPLES).map((pod) => printable(pod));
  const seen = examples.length === 0 ? 'they name no pod at all' : `pods seen: ${examples.join(', ')}`;
  return `note: no flow is of a pod that a sandbox selects by namespace and labels; ${seen}${pods.length > EXAMPLES ? ', …' : ''}`;
}

function timeNotes({ late, future, pushedOut, lostEvents }: EngineStats): string[] {
  return [
    ...(late > 0
      ? [`note: ${count(late, 'flow')} more than ${LATENESS_MS / 1000} s out of order; judged in the order they came`]
      : []),
    ...(future > 0
      ? [`note: ${count(future, 'flow')} with a time far ahead of all others; judged as of the time around them`]
      : []),
    ...(pushedOut > 0 ? [`note: ${count(pushedOut, 'flow')} judged before all earlier ones had come`] : []),
    ...(lostEvents > 0
      ? [`note: Hubble reports ${lostEvents} lost events; what is missing proves nothing around them`]
      : []),
  ];
}

function undecodedNotes({ name, source, failures }: Input): string[] {
  const { undecodable, duplicates } = source.health();
  const notes = duplicates > 0 ? [`note: ${printable(name)}: ${count(duplicates, 'flow')} twice, counted once`] : [];
  if (undecodable > 0) {
    const first = failures.map(({ message }) => message).join('; ');
    notes.push(
      `warning: ${printable(name)}: ${count(undecodable, 'line')} could not be decoded (${first}${undecodable > failures.length ? '; …' : ''})`,
    );
  }
  return notes;
}

function actionCounts(findings: readonly Finding[]): string {
  const counts = new Map<string, number>();
  for (const { action } of findings) {
    counts.set(action, (counts.get(action) ?? 0) + 1);
  }
  return counts.size === 0 ? '' : ` (${[...counts].map(([action, number]) => `${number} ${action}`).join(', ')})`;
}

function count(number: number, word: string): string {
  const plural = word.endsWith('x') ? `${word}es` : `${word}s`;
  return `${number} ${number === 1 ? word : plural}`;
}

function byRaised(a: Finding, b: Finding): number {
  return a.raisedAtMs - b.raisedAtMs || (a.key < b.key ? -1 : 1);
}

/** Longer than live: waiting costs nothing here, and recordings are put together from several. */
const LATENESS_MS = 60_000;
const EXAMPLES = 3;
const MESSAGE_MAX = 400;

const HELP = `
Pods are matched by what the flows say of them: their namespace, which must be the sandbox's, and their labels (or the
workload, for a targetRef to a Deployment, StatefulSet or Job). A sandbox file without a namespace takes pods of every
namespace, unless -n names one.

A finding is printed when it reached at least the rung "watch" (score 30), sorted by the time it reached its highest
rung. Rungs: watch 30, alert 50, restrict 70 held for 60 s, quarantine 80 held for 30 s with a hard hit or two classes of
evidence. After the last flow, time goes on until every hold and time-out is over. Times are those of the flows.

-o ndjson prints one object a line: detector, namespace, pod, sandbox, key, score, podScore, severity, action (watch,
alert, restrict, quarantine), raisedAt, firstSeen, lastSeen (RFC 3339), count, target, title, explanation,
evidence[]{signal, class, value, threshold, points, source, flows}, flows[], attack[], atlas[], degraded.

What was read, and the first lines that could not be, go to standard error; such lines do not stop the replay.

Exit codes: 0 replayed, 1 when --fail-on is met, 2 when the sandbox or the flows cannot be read or no line is a flow.

Examples:
  bulkhead replay -f sandbox.yaml --flows capture.jsonl.gz
  hubble observe --last 10000 -o jsonpb | bulkhead replay -f sandbox.yaml --flows - -o ndjson --fail-on alert`;
