import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { crdFor, structuralSchema } from './crd.ts';
import { KINDS } from './kinds.ts';
import { oneOf, rules } from './schema-parts.ts';

type Structural = Record<string, unknown> & { properties?: Record<string, Structural>; items?: Structural };

const rootOf = (crd: ReturnType<typeof crdFor>): Structural => {
  const [version] = crd.spec['versions'] as { schema: { openAPIV3Schema: Structural } }[];
  return version!.schema.openAPIV3Schema;
};

/** The keyword that limits the size of such a value; undefined where it is limited by other means. */
function boundOf(schema: Structural): string | undefined {
  const isNamed = schema['type'] === 'object' && schema['additionalProperties'] === undefined;
  const isShort = schema['enum'] !== undefined || schema['format'] === 'date-time';
  const bounds: Record<string, string> = { array: 'maxItems', string: 'maxLength', object: 'maxProperties' };
  return isNamed || isShort ? undefined : bounds[String(schema['type'])];
}

describe('structuralSchema', () => {
  it('takes fields with a default out of what is required', () => {
    const schema = Type.Object({
      mode: oneOf(['A', 'B'], { default: 'A', description: 'Mode.' }),
      name: Type.String(),
    });
    expect(structuralSchema(schema)).toEqual({
      type: 'object',
      required: ['name'],
      properties: {
        mode: { type: 'string', enum: ['A', 'B'], default: 'A', description: 'Mode.' },
        name: { type: 'string' },
      },
    });
  });

  it('writes no empty list of required fields', () => {
    expect(structuralSchema(Type.Object({ a: Type.Optional(Type.String()) }))).not.toHaveProperty('required');
  });

  it('turns a record into additionalProperties', () => {
    expect(structuralSchema(Type.Record(Type.String(), Type.Integer(), { maxProperties: 3 }))).toEqual({
      type: 'object',
      maxProperties: 3,
      additionalProperties: { type: 'integer' },
    });
  });

  it('passes CEL rules and list keys on', () => {
    const rule = { rule: 'self > 1', message: 'must be above 1' };
    expect(structuralSchema(Type.Integer(rules(rule)))).toEqual({
      type: 'integer',
      'x-kubernetes-validations': [rule],
    });
  });

  it.each([
    ['a union', Type.Object({ a: Type.Union([Type.String(), Type.Integer()]) })],
    ['a constant', Type.Literal('a')],
    ['a keyword the API server would ignore', Type.String({ contentEncoding: 'base64' })],
    ['a map with a pattern for its keys', Type.Record(Type.String({ pattern: '^a' }), Type.String())],
  ])('refuses %s', (_name, schema) => {
    expect(() => structuralSchema(schema)).toThrow(/structural schema/);
  });
});

describe.each(KINDS.map((definition) => [definition.kind, definition] as const))(
  'the CRD of %s',
  (_kind, definition) => {
    const root = rootOf(crdFor(definition));

    it('describes every field', () => {
      const silent: string[] = [];
      const walk = (schema: Structural, path: string): void => {
        for (const [name, field] of Object.entries(schema.properties ?? {})) {
          const at = `${path}.${name}`;
          if (at !== '.metadata' && typeof field['description'] !== 'string') {
            silent.push(at);
          }
          walk(field, at);
        }
        if (schema.items !== undefined) {
          walk(schema.items, `${path}[]`);
        }
      };
      walk(root, '');
      expect(silent).toEqual([]);
    });

    it('bounds every list and map, and every string that a user writes', () => {
      const unbounded: string[] = [];
      const walk = (schema: Structural, path: string): void => {
        const bound = boundOf(schema);
        if (bound !== undefined && schema[bound] === undefined) {
          unbounded.push(path);
        }
        for (const [name, field] of Object.entries(schema.properties ?? {})) {
          walk(field, `${path}.${name}`);
        }
        for (const below of ['items', 'additionalProperties']) {
          if (schema[below] !== undefined) {
            walk(schema[below] as Structural, `${path}[]`);
          }
        }
      };
      walk(root.properties!['spec']!, 'spec');
      walk(root.properties!['status']!, 'status');
      expect(unbounded).toEqual([]);
    });

    it('gives every CEL rule a sentence that helps', () => {
      const messages = [...JSON.stringify(root).matchAll(/"x-kubernetes-validations":(\[.*?\}\])/g)].flatMap(
        ([, list]) => JSON.parse(list!) as { rule: string; message: string }[],
      );
      expect(messages.length).toBeGreaterThan(0);
      for (const { message } of messages) {
        expect(message.split(' ').length).toBeGreaterThan(3);
      }
    });
  },
);
