/**
 * Writes one kind's schema as a page for people: every field with its type, default, bounds, meaning and rules.
 *
 * Pure; generate-docs.ts saves the pages. Sentences come from the schemas alone, so a page that reads badly is mended there.
 */
import { CONDITION_TYPES, type ConditionType } from '../src/api/v1alpha1/conditions.ts';
import { type JsonSchema, mapValues, requiredFromUser } from '../src/api/v1alpha1/json-schema.ts';
import type { KindDefinition } from '../src/api/v1alpha1/kinds.ts';
import { API_VERSION } from '../src/api/v1alpha1/labels.ts';
import { REASONS } from '../src/api/v1alpha1/reasons.ts';

/** The page of one kind, Markdown. */
export function referencePage(definition: KindDefinition): string {
  const { kind, plural, shortName, columns, selectableFields } = definition;
  const schema = definition.schema as unknown as JsonSchema;
  const parts = [
    `# ${kind}`,
    schema.description ?? '',
    `\`apiVersion: ${API_VERSION}\`, \`kind: ${kind}\`; namespaced; \`kubectl get ${plural}\`, in short \`${shortName}\`, or \`kubectl get bulkhead\`.`,
    'A field with a default need not be written: the API server fills it in, also inside objects that are left out. `required` fields have none.',
    ...sections(schema, '', new Map()),
    '## Columns of `kubectl get`',
    table(
      ['Column', 'From', 'Meaning'],
      columns.map(({ name, jsonPath, description, priority }) => [
        priority === 1 ? `${name} (\`-o wide\`)` : name,
        code(jsonPath),
        description,
      ]),
    ),
    `Field selectors (Kubernetes 1.31): ${selectableFields.map((path) => code(path.slice(1))).join(', ')}.`,
  ];
  return `${parts.join('\n\n')}\n`;
}

/** What conditions there are, and every reason they may carry. */
export function conditionsPage(): string {
  const types = Object.entries(CONDITION_TYPES) as [ConditionType, string][];
  const parts = types.map(([type, meaning]) => {
    const reasons = Object.entries(REASONS[type]).map(([reason, sentence]) => [code(reason), sentence]);
    return `## ${type}\n\n${meaning}\n\n${table(['Reason', 'Meaning'], reasons)}`;
  });
  const introduction =
    'Conditions of an AgentSandbox. Reasons are stable: alerts may rely on them. Reasons of the Kubernetes API server, such as `Forbidden`, are passed on as they are.';
  return `# Conditions and reasons\n\n${introduction}\n\n${parts.join('\n\n')}\n`;
}

/** One section per object with named fields, depth first; one that was shown before is linked to. */
function sections(schema: JsonSchema, path: string, shown: Map<string, string>): string[] {
  const properties = Object.entries(schema.properties ?? {}).filter(([name]) => !SKIPPED.has(`${path}.${name}`));
  const required = new Set(requiredFromUser(schema));
  const rows: string[][] = [];
  const below: string[] = [];
  for (const [name, field] of properties) {
    const inner = innermost(field);
    const place = `${path === '' ? '' : `${path}.`}${name}${inner.suffix}`;
    const twin = inner.schema.properties === undefined ? undefined : shown.get(shape(inner.schema));
    if (inner.schema.properties !== undefined && twin === undefined) {
      shown.set(shape(inner.schema), place);
      below.push(...sections(inner.schema, place, shown));
    }
    rows.push([code(name), typeOf(field), defaultOf(field, required.has(name)), bounds(field), meaning(field, twin)]);
  }
  const heading = path === '' ? [] : [`## ${path}`];
  return [
    ...heading,
    ...ruleList(schema),
    ...(path === '' ? [] : [table(['Field', 'Type', 'Default', 'Bounds', 'Meaning'], rows)]),
    ...below,
  ];
}

function ruleList(schema: JsonSchema): string[] {
  const rules = schema['x-kubernetes-validations'] ?? [];
  return rules.length === 0 ? [] : [rules.map(({ message }) => `- Rule: ${message}.`).join('\n')];
}

/** The object inside lists and maps, and how a path says so. */
function innermost(schema: JsonSchema): { schema: JsonSchema; suffix: string } {
  const child = schema.items ?? mapValues(schema);
  if (child === undefined) {
    return { schema, suffix: '' };
  }
  const { schema: inner, suffix } = innermost(child);
  return { schema: inner, suffix: `${schema.items === undefined ? '.*' : '[]'}${suffix}` };
}

function shape(schema: JsonSchema): string {
  const { description: _, default: __, ...rest } = schema;
  return JSON.stringify(rest);
}

function typeOf(schema: JsonSchema): string {
  const values = mapValues(schema);
  if (schema.items !== undefined) {
    return `list of ${typeOf(schema.items)}`;
  }
  if (values !== undefined) {
    return `map of ${typeOf(values)}`;
  }
  return schema.format === 'date-time' ? 'time' : schema.type;
}

function defaultOf(schema: JsonSchema, isRequired: boolean): string {
  if (schema.default !== undefined) {
    return code(JSON.stringify(schema.default));
  }
  return isRequired ? '**required**' : '';
}

function bounds(schema: JsonSchema): string {
  const { items } = schema;
  const values = mapValues(schema);
  const inner = items ?? values;
  const own = [
    schema.enum === undefined ? '' : `one of ${schema.enum.map(code).join(', ')}`,
    between(schema.minimum, schema.maximum, ''),
    between(schema.minLength, schema.maxLength, 'characters'),
    between(schema.minItems, schema.maxItems, 'items'),
    between(undefined, schema.maxProperties, 'keys'),
    schema.pattern === undefined ? '' : `matches ${code(schema.pattern)}`,
    (schema['x-kubernetes-list-map-keys'] ?? []).map((key) => `unique by ${code(key)}`).join(', '),
    // Rules of objects stand in their own section.
    schema.properties === undefined
      ? (schema['x-kubernetes-validations'] ?? []).map(({ message }) => message).join('; ')
      : '',
    inner === undefined || inner.properties !== undefined || bounds(inner) === '' ? '' : `each ${bounds(inner)}`,
  ];
  return own.filter((part) => part !== '').join('; ');
}

function between(least: number | undefined, most: number | undefined, unit: string): string {
  const range = least === undefined || least === 0 ? undefined : least;
  if (range === undefined && most === undefined) {
    return '';
  }
  const words =
    most === undefined ? `at least ${range}` : range === undefined ? `up to ${most}` : `${range} to ${most}`;
  return unit === '' ? words : `${words} ${unit}`;
}

function meaning(schema: JsonSchema, twin: string | undefined): string {
  const link = twin === undefined ? '' : ` Fields as in [${twin}](#${anchor(twin)}).`;
  return `${schema.description ?? ''}${link}`;
}

/** As GitHub makes it from a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^a-z0-9 _-]/g, '')
    .replaceAll(' ', '-');
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function code(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** What every Kubernetes object has. */
const SKIPPED: ReadonlySet<string> = new Set(['.apiVersion', '.kind', '.metadata']);
