import { describe, expect, it } from 'vitest';
import { parseSandbox } from '../../src/api/v1alpha1/parse.ts';
import { SANDBOX_CASES } from './sandbox-cases.ts';

describe('the offline reader judges', () => {
  it.each(SANDBOX_CASES)('%s', (_name, object, refusal) => {
    const problems = parseSandbox(object).problems ?? [];
    if (refusal === 'accepted') {
      expect(problems).toEqual([]);
    } else {
      const says = expect.stringContaining(refusal.says ?? '') as string;
      expect(problems).toContainEqual(expect.objectContaining({ field: refusal.field, message: says }));
    }
  });
});
