/**
 * Turns what a user wrote into an AgentSandbox with all defaults, or into a list of what is wrong with it.
 *
 * The verdict is that of the API server with strict field validation: one set of schemas and CEL rules serves both, and a
 * differential test holds them together. Where the two could differ this one is stricter. Reading text is manifests.ts.
 */
import { checkRules } from './cel-rules.ts';
import type { JsonSchema } from './json-schema.ts';
import { AGENT_SANDBOX } from './kinds.ts';
import { API_VERSION } from './labels.ts';
import { ObjectMetaSchema } from './object-meta.ts';
import { type FieldPath, type Problem, type ProblemText, problemAt, type Source } from './problem.ts';
import type { AgentSandbox } from './types.ts';
import { isFields, type Report, withDefaults } from './validate.ts';

export type ParsedSandbox =
  | { sandbox: AgentSandbox; problems?: undefined }
  | { sandbox?: undefined; problems: readonly [Problem, ...Problem[]] };

/**
 * Checks one object and fills in its defaults. Never throws for anything a user can write.
 *
 * A status is kept when it is as this version writes it and dropped otherwise: it says what was true somewhere, and decides
 * nothing.
 *
 * @param source - where the object was read from, for the messages.
 * @example
 * const { sandbox, problems } = parseSandbox(document.object, document);
 */
export function parseSandbox(object: unknown, source?: Source): ParsedSandbox {
  const problems: Problem[] = [];
  const report: Report = (path: FieldPath, text: ProblemText) => {
    if (problems.length < MAX_PROBLEMS) {
      problems.push(problemAt(source, path, text));
    }
  };
  const parsed = isFields(object)
    ? checkObject(object, report)
    : report([], { value: object, message: 'must be an object' });
  const [first, ...rest] = problems;
  return first === undefined ? { sandbox: parsed as AgentSandbox } : { problems: [first, ...rest] };
}

function checkObject(object: Readonly<Record<string, unknown>>, report: Report): unknown {
  let broken = false;
  const fail: Report = (path, text) => {
    broken = true;
    report(path, text);
  };
  checkKind(object, fail);
  const { status, ...stated } = object;
  const checked = withDefaults(SCHEMA, { ...stated, metadata: ownMetadata(object['metadata']) }, [], fail);
  if (!broken) {
    // As in the API server: rules may rely on the types, so they wait until those are right.
    checkRules(SCHEMA, checked, [], report);
  }
  return { ...(checked as object), ...knownStatus(status) };
}

function checkKind(object: Readonly<Record<string, unknown>>, report: Report): void {
  const wanted = { apiVersion: API_VERSION, kind: AGENT_SANDBOX.kind };
  for (const [name, value] of Object.entries(wanted)) {
    if (object[name] !== value) {
      report([name], { value: object[name], message: `must be ${value}` });
    }
  }
}

/** Without what the API server keeps there for itself; a name to be generated is judged by its prefix. */
function ownMetadata(metadata: unknown): unknown {
  if (!isFields(metadata)) {
    return metadata;
  }
  const { managedFields: _, selfLink: __, ...own } = metadata;
  return own;
}

function knownStatus(status: unknown): { status?: unknown } {
  let known = isFields(status);
  const checked = withDefaults(STATUS_SCHEMA, status, [], () => {
    known = false;
  });
  return known ? { status: checked } : {};
}

const ROOT = AGENT_SANDBOX.schema as unknown as JsonSchema & { properties: Record<string, JsonSchema> };
const { status: STATUS_SCHEMA, ...STATED } = ROOT.properties as Record<string, JsonSchema> & { status: JsonSchema };
const SCHEMA: JsonSchema = {
  ...ROOT,
  required: ['metadata', 'spec'],
  properties: { ...STATED, metadata: ObjectMetaSchema as unknown as JsonSchema },
};

/** Enough to mend a file by; a generated one with ten thousand mistakes needs its generator mended. */
const MAX_PROBLEMS = 50;
