import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { CONDITION_TYPES } from '../src/api/v1alpha1/conditions.ts';
import { KINDS } from '../src/api/v1alpha1/kinds.ts';
import { oneOf, rules } from '../src/api/v1alpha1/schema-parts.ts';
import { conditionsPage, referencePage } from './reference-page.ts';

const pair = (description: string) =>
  Type.Object({ key: Type.String({ description: 'Key | name.' }) }, { description });

const page = referencePage({
  kind: 'AgentSandbox',
  plural: 'things',
  singular: 'thing',
  shortName: 't',
  columns: [{ name: 'Mode', type: 'string', jsonPath: '.spec.mode', description: 'The mode.', priority: 1 }],
  selectableFields: ['.spec.mode'],
  schema: Type.Object({
    spec: Type.Object(
      {
        mode: oneOf(['On', 'Off'], { default: 'On', description: 'The mode.' }),
        ports: Type.Array(Type.Integer({ minimum: 1, maximum: 9 }), { maxItems: 4, description: 'Ports.' }),
        first: pair('One.'),
        others: Type.Optional(Type.Array(pair('Item.'), { description: 'More.' })),
      },
      rules({ rule: 'true', message: 'needs a reason' }),
    ),
  }),
});

describe('referencePage', () => {
  it.each([
    ['a field with default and choice', '| `mode` | string | `"On"` | one of `On`, `Off` | The mode. |'],
    [
      'a required list with bounds of its own and of its items',
      '| `ports` | list of integer | **required** | up to 4 items; each 1 to 9 | Ports. |',
    ],
    ['the rules of an object', '- Rule: needs a reason.'],
    [
      'a section for an object inside, with bars escaped',
      '## spec.first\n\n| Field | Type | Default | Bounds | Meaning |\n| --- | --- | --- | --- | --- |\n| `key` | string | **required** |  | Key \\| name. |',
    ],
    [
      'a link instead of a section shown before',
      '| `others` | list of object |  |  | More. Fields as in [spec.first](#specfirst). |',
    ],
    ['a column of -o wide', '| Mode (`-o wide`) | `.spec.mode` | The mode. |'],
  ])('shows %s', (_name, text) => {
    expect(page).toContain(text);
  });

  it('links only to sections that exist', () => {
    let seen = 0;
    for (const definition of KINDS) {
      const text = referencePage(definition);
      const anchors = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) =>
        heading?.toLowerCase().replace(/[^a-z0-9 _-]/g, ''),
      );
      const links = [...text.matchAll(/\]\(#([^)]*)\)/g)].map(([, anchor]) => anchor);
      seen += links.length;
      expect(links.filter((anchor) => !anchors.includes(anchor))).toEqual([]);
    }
    expect(seen).toBeGreaterThan(0);
  });
});

it('the page of conditions has every type', () => {
  for (const [type, meaning] of Object.entries(CONDITION_TYPES)) {
    expect(conditionsPage()).toContain(`## ${type}\n\n${meaning}`);
  }
});
