/**
 * The part of JSON Schema that our schemas use and a Kubernetes structural schema knows.
 *
 * typebox builds these objects and derives the TypeScript types; at run time only this plain shape is read, by the CRD
 * writer, the offline reader and the reference pages. A keyword that is not listed here must not be used in a schema:
 * the CRD writer refuses it, because the API server would ignore it or refuse the CRD.
 */
import type { CelRule } from './schema-parts.ts';

export interface JsonSchema {
  type: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  description?: string;
  default?: unknown;
  format?: string;
  enum?: readonly string[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  items?: JsonSchema;
  properties?: Readonly<Record<string, JsonSchema>>;
  /** As typebox writes them: fields with a default are listed too, since they are always there after defaulting. */
  required?: readonly string[];
  /** As typebox writes a record: one pattern that takes every key. */
  patternProperties?: Readonly<Record<string, JsonSchema>>;
  'x-kubernetes-list-type'?: 'map';
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-validations'?: readonly CelRule[];
}

/** The pattern under which typebox files the values of a record. */
export const ANY_KEY = '^.*$';

/** The schema of the values of a free-form map; undefined for objects with named fields. */
export function mapValues(schema: JsonSchema): JsonSchema | undefined {
  return schema.patternProperties?.[ANY_KEY];
}

/** Names of the fields that a user must write: those without a default. */
export function requiredFromUser(schema: JsonSchema): string[] {
  return (schema.required ?? []).filter((name) => schema.properties?.[name]?.default === undefined);
}
