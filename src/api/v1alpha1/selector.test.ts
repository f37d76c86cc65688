import { describe, expect, it } from 'vitest';
import { matchesSelector } from './selector.ts';
import type { LabelSelector } from './types.ts';

const expression = (key: string, operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', values?: string[]) => ({
  matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }],
});

describe('matchesSelector', () => {
  it.each<[string, LabelSelector | undefined, Record<string, string> | undefined, boolean]>([
    ['no selector takes nothing', undefined, { app: 'agent' }, false],
    ['an empty selector takes everything', {}, { app: 'agent' }, true],
    ['an empty selector takes an object without labels', {}, undefined, true],
    ['the same label', { matchLabels: { app: 'agent' } }, { app: 'agent', tier: 'gpu' }, true],
    ['another value', { matchLabels: { app: 'agent' } }, { app: 'web' }, false],
    ['one label of two', { matchLabels: { app: 'agent', tier: 'gpu' } }, { app: 'agent' }, false],
    ['In takes a listed value', expression('app', 'In', ['a', 'b']), { app: 'b' }, true],
    ['In refuses a missing label', expression('app', 'In', ['a']), {}, false],
    ['NotIn refuses a listed value', expression('app', 'NotIn', ['a']), { app: 'a' }, false],
    ['NotIn takes a missing label', expression('app', 'NotIn', ['a']), {}, true],
    ['Exists takes the empty value', expression('app', 'Exists'), { app: '' }, true],
    ['Exists refuses a missing label', expression('app', 'Exists'), {}, false],
    ['DoesNotExist takes a missing label', expression('app', 'DoesNotExist'), {}, true],
    ['DoesNotExist refuses a label', expression('app', 'DoesNotExist'), { app: 'a' }, false],
    [
      'labels and expressions must both hold',
      { matchLabels: { a: '1' }, ...expression('b', 'Exists') },
      { a: '1' },
      false,
    ],
    ['a name every JavaScript object has is no label', expression('constructor', 'Exists'), {}, false],
  ])('%s', (_name, selector, labels, expected) => {
    expect(matchesSelector(selector, labels)).toBe(expected);
  });
});
