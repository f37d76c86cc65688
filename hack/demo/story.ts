/**
 * The ROME story, act by act. Every act asks the real API server whether what it tells is so; the summary counts.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentIncident } from '../../src/api/v1alpha1/types.ts';
import type { ControlPlane } from '../rig/control-plane.ts';
import { CHECKOUT } from '../rig/folders.ts';
import type { RunningHubble } from '../rig/hubble.ts';
import type { RunningOperator } from '../rig/operator.ts';
import { play, readRecording } from './player.ts';
import { workerPod } from './pods.ts';
import type { Teller } from './teller.ts';

export interface Scene {
  cluster: ControlPlane;
  operator: RunningOperator;
  hubble: RunningHubble;
  teller: Teller;
  signal: AbortSignal;
}

const NAMESPACE = 'rl-training';
const RECORDING = join(CHECKOUT, 'test/recordings/demo-rome.jsonl.gz');
const LABELS = join(CHECKOUT, 'test/recordings/demo-rome.labels.json');
const SANDBOX = 'config/samples/rl-agents.yaml';
const BAD_POD = 'config/samples/pods/worker-on-host.yaml';
const RESPONDER = 'sam@example.com';

/** Resolves with whether everything went as the story says. */
export async function tell(scene: Scene): Promise<boolean> {
  const { teller } = scene;
  const cast = readCast();
  const checks: { what: string; holds: boolean }[] = [];
  const check = (what: string, holds: boolean): void => {
    checks.push({ what, holds });
    (holds ? teller.good : teller.bad)(what);
  };
  await policyIsWritten(scene, check);
  await podsAreAdmitted(scene, cast, check);
  const played = await trafficHappens(scene, cast);
  const incidents = await listIncidents(scene);
  await rogueIsCutOff(scene, { cast, incidents, check });
  await personLetsItGo(scene, { cast, check });
  teller.act('Summary');
  teller.say(
    `${played} flows of ${cast.size} pods went over Hubble's real gRPC relay; ${incidents.length} incidents were recorded.`,
  );
  for (const line of stageTimes(incidents)) {
    teller.say(line);
  }
  const failed = checks.filter(({ holds }) => !holds);
  teller.say(`${checks.length - failed.length} of ${checks.length} things the story claims were so on the API server.`);
  return failed.length === 0;
}

type Check = (what: string, holds: boolean) => void;
/** Pod name to what it does; empty for a good pod. */
type Cast = ReadonlyMap<string, readonly string[]>;

function readCast(): Cast {
  const labels = JSON.parse(readFileSync(LABELS, 'utf8')) as Record<
    string,
    { pods: Record<string, { behaviours: { kind: string }[] }> }
  >;
  const pods = Object.values(labels).flatMap((recording) => Object.entries(recording.pods));
  return new Map(
    pods.map(([pod, { behaviours }]) => [pod.slice(pod.indexOf('/') + 1), behaviours.map(({ kind }) => kind)]),
  );
}

async function policyIsWritten(scene: Scene, check: Check): Promise<void> {
  const { teller } = scene;
  teller.act('A platform team writes one AgentSandbox');
  await kubectl(scene, ['create', 'namespace', NAMESPACE]);
  await show(scene, ['apply', '-f', SANDBOX]);
  await until(scene, async () => (await names(scene, 'networkpolicies')).length > 0);
  await show(scene, ['-n', NAMESPACE, 'get', 'networkpolicies,ciliumnetworkpolicies.cilium.io']);
  const ready = await until(scene, async () => (await condition(scene, 'Ready')) === 'True');
  check('NetworkPolicy and CiliumNetworkPolicy are in the API server, and the sandbox says Ready', ready);
}

async function podsAreAdmitted(scene: Scene, cast: Cast, check: Check): Promise<void> {
  const { teller } = scene;
  teller.act('The training job starts its workers');
  const refused = await show(scene, ['apply', '-f', BAD_POD]);
  check(
    'the pod that wants the host network, privileges and the host disk is refused, with every reason',
    refused.code !== 0,
  );
  for (const name of cast.keys()) {
    await kubectl(scene, ['apply', '-f', '-'], JSON.stringify(workerPod(NAMESPACE, name)));
  }
  const pods = await show(scene, [
    '-n',
    NAMESPACE,
    'get',
    'pods',
    '-L',
    'bulkhead.dev/sandbox',
    '-L',
    'bulkhead.dev/pod-id',
  ]);
  const stamped = pods.stdout.split('\n').filter((line) => line.includes('rl-agents')).length;
  check('the others are admitted and carry the sandbox and an id of their own', stamped === cast.size);
}

async function trafficHappens(scene: Scene, cast: Cast): Promise<number> {
  const { teller } = scene;
  const recording = readRecording(RECORDING);
  const minutes = Math.round(recording.lengthMs / 60_000);
  teller.act(`Half an hour of training (${minutes} min of real Hubble flows, played in ${PLAY_MS / 1000} s)`);
  teller.say('Recorded on a real Cilium node from real programs: OpenSSH, nmap, a stratum client, git, curl.');
  teller.say(
    'A recording cannot be cut, so its flows go on after the quarantine; the policies that would cut them are real.',
  );
  for (const [pod, behaviours] of cast) {
    teller.say(`${pod}: ${behaviours.length === 0 ? 'does its work' : behaviours.join(', ')}`);
  }
  const seen = new Map<string, string>();
  const stop = new AbortController();
  const watching = watchIncidents(scene, seen, stop.signal);
  await play(recording, (lines) => scene.hubble.write(lines), {
    forMs: PLAY_MS,
    signal: scene.signal,
    onProgress: () => {},
  });
  const rogue = [...cast].filter(([, behaviours]) => behaviours.length > 0).map(([pod]) => pod);
  await until(scene, async () =>
    (await listIncidents(scene)).some((one) => rogue.includes(one.spec.pod.name) && one.status?.phase === 'Contained'),
  );
  stop.abort();
  await watching;
  return recording.lines.length;
}

/** Prints every incident as it appears and as its phase changes. */
async function watchIncidents(scene: Scene, seen: Map<string, string>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !scene.signal.aborted) {
    for (const { metadata, spec, status } of await listIncidents(scene)) {
      const state = `${spec.action} ${status?.phase ?? 'New'}`;
      if (seen.get(metadata.name) !== state) {
        seen.set(metadata.name, state);
        const line = `${spec.pod.name}: ${spec.detector}, score ${spec.score} -> ${spec.response}, ${status?.phase ?? 'New'}`;
        (spec.response === 'Quarantine' ? scene.teller.bad : scene.teller.say)(line);
        scene.teller.say(`    ${spec.explanation}`);
      }
    }
    await sleep(POLL_MS);
  }
}

async function rogueIsCutOff(
  scene: Scene,
  { cast, incidents, check }: { cast: Cast; incidents: readonly AgentIncident[]; check: Check },
): Promise<void> {
  scene.teller.act('What kubectl shows');
  await show(scene, ['-n', NAMESPACE, 'get', 'ainc']);
  const pods = await show(scene, ['-n', NAMESPACE, 'get', 'pods', '-L', 'bulkhead.dev/quarantine']);
  await show(scene, ['-n', NAMESPACE, 'get', 'networkpolicies']);
  const held = new Set(
    incidents.filter(({ status }) => status?.phase === 'Contained').map(({ spec }) => spec.pod.name),
  );
  for (const [pod, behaviours] of cast) {
    const row = pods.stdout.split('\n').find((line) => line.startsWith(`${pod} `)) ?? '';
    const labelled = /-[0-9a-f]{10}/.test(row);
    if (behaviours.length > 0) {
      check(`${pod} is cut off, read back from the API server, and labelled for people`, held.has(pod) && labelled);
    } else {
      check(`${pod}, which did its work, is left alone`, !held.has(pod) && !labelled);
    }
  }
}

async function personLetsItGo(scene: Scene, { cast, check }: { cast: Cast; check: Check }): Promise<void> {
  const { teller } = scene;
  teller.act('A person looks, and lets it go');
  await kubectl(scene, [
    '-n',
    NAMESPACE,
    'create',
    'rolebinding',
    'responders',
    '--clusterrole=bulkhead-responder',
    `--user=${RESPONDER}`,
  ]);
  const [rogue] = [...cast].find(([, behaviours]) => behaviours.length > 0) ?? [''];
  const open = (await listIncidents(scene)).filter(
    ({ spec, status }) => spec.pod.name === rogue && status?.phase === 'Contained',
  );
  const refused = await approve(scene, open[0]?.metadata.name ?? '', 'mallory@example.com');
  check('somebody without the verb "release" is refused', refused.code !== 0);
  for (const { metadata } of open) {
    await approve(scene, metadata.name, RESPONDER);
  }
  const released = await until(scene, async () =>
    (await listIncidents(scene))
      .filter(({ metadata }) => open.some((one) => one.metadata.name === metadata.name))
      .every(({ status }) => status?.phase === 'Released'),
  );
  check(`${RESPONDER} releases it, and the incident says who and why`, released && open.length > 0);
  const labels = await kubectl(scene, ['-n', NAMESPACE, 'get', 'pod', rogue, '--show-labels', '--no-headers']);
  check('label and policies are back to what they were', !labels.stdout.includes('bulkhead.dev/quarantine'));
  const first = open[0]?.metadata.name ?? '';
  await show(scene, [
    '-n',
    NAMESPACE,
    'get',
    'ainc',
    first,
    '-o',
    'jsonpath={range .status.timeline[*]}{.time}  {.actor}: {.message}{"\\n"}{end}',
  ]);
}

async function approve(scene: Scene, name: string, user: string): Promise<{ code: number }> {
  const patch = [
    { op: 'add', path: '/status/approvals/-', value: { reason: 'checked the run; the image is rebuilt' } },
  ];
  return show(scene, [
    '-n',
    NAMESPACE,
    `--as=${user}`,
    'patch',
    'ainc',
    name,
    '--subresource=status',
    '--type=json',
    '-p',
    JSON.stringify(patch),
  ]);
}

/** From the last word before the quarantine (the record or its raising) to each of its stages. */
function stageTimes(incidents: readonly AgentIncident[]): string[] {
  return incidents
    .filter(({ status }) => status?.quarantine?.appliedAt !== undefined)
    .map(({ metadata, status }) => {
      const { appliedAt = '', labelledAt, verifiedAt } = status?.quarantine ?? {};
      const asked = (status?.timeline ?? []).findLast(({ time }) => time < appliedAt)?.time ?? appliedAt;
      const at = (time: string | undefined) => `${Math.round(Date.parse(time ?? '') - Date.parse(asked))} ms`;
      return `${metadata.name}: policy accepted ${at(appliedAt)} after it was called for, labelled ${at(labelledAt)}, read back ${at(verifiedAt)}.`;
    });
}

async function listIncidents(scene: Scene): Promise<AgentIncident[]> {
  const result = await kubectl(scene, ['-n', NAMESPACE, 'get', 'ainc', '-o', 'json']);
  return result.code === 0 ? (JSON.parse(result.stdout) as { items: AgentIncident[] }).items : [];
}

async function names(scene: Scene, resource: string): Promise<string[]> {
  const result = await kubectl(scene, ['-n', NAMESPACE, 'get', resource, '-o', 'name']);
  return result.stdout.split('\n').filter((line) => line !== '');
}

async function condition(scene: Scene, type: string): Promise<string> {
  const path = `jsonpath={.status.conditions[?(@.type=="${type}")].status}`;
  return (await kubectl(scene, ['-n', NAMESPACE, 'get', 'asb', 'rl-agents', '-o', path])).stdout;
}

/** Waits until something holds; gives up, with false, after a while. */
async function until(scene: Scene, holds: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline && !scene.signal.aborted) {
    if (await holds()) {
      return true;
    }
    await sleep(POLL_MS);
  }
  return false;
}

async function kubectl(scene: Scene, args: readonly string[], stdin?: string) {
  return scene.cluster.kubectl(args, stdin);
}

/** Runs kubectl and shows the command and what it printed. */
async function show(scene: Scene, args: readonly string[]) {
  const result = await kubectl(scene, args);
  scene.teller.ran(`kubectl ${args.map(quoted).join(' ')}`, result.stdout + result.stderr);
  return result;
}

function quoted(argument: string): string {
  return /^[\w@=.,:/-]+$/.test(argument) ? argument : `'${argument}'`;
}

const PLAY_MS = 45_000;
const PATIENCE_MS = 20_000;
const POLL_MS = 500;
