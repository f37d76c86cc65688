/**
 * Turns our schemas into the CustomResourceDefinitions that teach them to the API server.
 *
 * Pure and deterministic: hack/generate-crds.ts writes the result to crds/ and the check for stale files compares bytes.
 * A keyword that structural schemas do not know is an error here rather than a silent hole in the validation.
 */
import type { TSchema } from 'typebox';
import { ANY_KEY, type JsonSchema, mapValues, requiredFromUser } from './json-schema.ts';
import type { KindDefinition } from './kinds.ts';
import { GROUP, VERSION } from './labels.ts';

/** An apiextensions.k8s.io/v1 CustomResourceDefinition, as far as it is written here. */
export interface CustomResourceDefinition {
  apiVersion: 'apiextensions.k8s.io/v1';
  kind: 'CustomResourceDefinition';
  metadata: { name: string; labels: Record<string, string> };
  spec: Record<string, unknown>;
}

/**
 * Builds the CRD of one kind.
 *
 * @throws Error when the schema uses a keyword that a structural schema lacks: a mistake of ours, not of a user.
 * @example
 * crdFor(AGENT_SANDBOX).metadata.name // 'agentsandboxes.bulkhead.dev'
 */
export function crdFor(definition: KindDefinition): CustomResourceDefinition {
  const { kind, plural, singular, shortName } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}`, labels: { 'app.kubernetes.io/name': 'bulkhead' } },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames: [shortName], categories: ['bulkhead'] },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: definition.columns,
          selectableFields: definition.selectableFields.map((jsonPath) => ({ jsonPath })),
          schema: { openAPIV3Schema: structuralSchema(definition.schema) },
        },
      ],
    },
  };
}

/**
 * Rewrites one schema as a structural OpenAPI v3 schema.
 *
 * Fields with a default leave `required`: the API server fills them in before it looks.
 */
export function structuralSchema(schema: TSchema): Record<string, unknown> {
  return structural(schema as unknown as JsonSchema, '');
}

function structural(schema: JsonSchema, path: string): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (COPIED.has(keyword)) {
      result[keyword] = value;
    } else if (!REWRITTEN.has(keyword)) {
      throw new Error(`schema of ${path || 'the object'}: a structural schema has no keyword ${keyword}`);
    }
  }
  if (schema.type === undefined) {
    throw new Error(`schema of ${path || 'the object'}: a structural schema needs a type`);
  }
  return { ...result, ...children(schema, path) };
}

function children(schema: JsonSchema, path: string): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const required = requiredFromUser(schema);
  if (required.length > 0) {
    result['required'] = required;
  }
  if (schema.items !== undefined) {
    result['items'] = structural(schema.items, `${path}[]`);
  }
  if (schema.properties !== undefined && Object.keys(schema.properties).length > 0) {
    result['properties'] = Object.fromEntries(
      Object.entries(schema.properties).map(([name, field]) => [name, structural(field, `${path}.${name}`)]),
    );
  }
  const values = mapValues(schema);
  if (values !== undefined) {
    result['additionalProperties'] = structural(values, `${path}.*`);
  }
  for (const pattern of Object.keys(schema.patternProperties ?? {})) {
    if (pattern !== ANY_KEY) {
      throw new Error(`schema of ${path}: a structural schema cannot tell map keys apart by the pattern ${pattern}`);
    }
  }
  return result;
}

const COPIED: ReadonlySet<string> = new Set([
  'type',
  'description',
  'default',
  'format',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'maxProperties',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
] satisfies (keyof JsonSchema)[]);

const REWRITTEN: ReadonlySet<string> = new Set([
  'required',
  'items',
  'properties',
  'patternProperties',
] satisfies (keyof JsonSchema)[]);
