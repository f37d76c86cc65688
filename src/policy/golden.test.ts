/**
 * Whole results, byte for byte. `npm run golden:update` rewrites them; each sandbox.yaml argues what must come out, and the
 * difference is for a person to read against it. That they are legal is test/cluster/policy-legality.test.ts.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { EXPECTED_FILES, goldenCases } from '../../test/support/golden-cases.ts';
import { compilePolicy } from './compile.ts';
import { ENGINES } from './plan.ts';
import { toYaml } from './serialize.ts';

const cases = goldenCases();
const expectedFiles = [...Object.values(EXPECTED_FILES), 'expected.gaps.yaml'];
// Before the tests run: a missing file is written by the first of them.
const missing = cases.flatMap(({ folder }) =>
  expectedFiles.map((file) => path.join(folder, file)).filter((file) => !existsSync(file)),
);

test('there is a file for every expectation; one just written must be read before it is kept', () => {
  expect(missing).toEqual([]);
  expect(cases.length).toBeGreaterThanOrEqual(10);
});

describe.each(cases)('$name', ({ folder, input, facts }) => {
  test.each(ENGINES)('%s', async (engine) => {
    const { objects } = compilePolicy(input, facts(engine));
    await expect(toYaml(objects)).toMatchFileSnapshot(path.join(folder, EXPECTED_FILES[engine]));
  });

  test('gaps', async () => {
    const gaps = ENGINES.map((engine) => [engine, compilePolicy(input, facts(engine)).gaps]);
    const text = stringify(Object.fromEntries(gaps), { lineWidth: 0, aliasDuplicateObjects: false });
    await expect(text).toMatchFileSnapshot(path.join(folder, 'expected.gaps.yaml'));
  });
});
