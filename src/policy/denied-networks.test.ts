import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Network } from '../api/v1alpha1/address.ts';
import { formatCidr, parseCidr } from './cidr.ts';
import { deniedBlocks } from './denied-networks.ts';

interface Wishes {
  always?: string[];
  unlessOpen?: string[];
  /** Each a network, and then what is left out of it. */
  open?: string[][];
}

function denied({ always = [], unlessOpen = [], open = [] }: Wishes): string[] {
  const blocks = deniedBlocks({
    always: always.map(network),
    unlessOpen: unlessOpen.map(network),
    open: open.map(([whole = '', ...cuts]) => ({ network: network(whole), cuts: cuts.map(network) })),
  });
  return blocks.map((block) => [block.network, ...block.cuts].map(formatCidr).join(' less '));
}

function network(text: string): Network {
  const parsed = parseCidr(text);
  if (parsed === undefined) {
    throw new Error(`${text} is no network`);
  }
  return parsed;
}

describe('denied is', () => {
  test.each<[string, Wishes, string[]]>([
    ['nothing, of nothing', { open: [['0.0.0.0/0']] }, []],
    ['what nothing opens', { unlessOpen: ['10.0.0.0/8'] }, ['10.0.0.0/8']],
    [
      'what is around the opened part',
      { unlessOpen: ['10.0.0.0/8'], open: [['10.1.0.0/16']] },
      ['10.0.0.0/8 less 10.1.0.0/16'],
    ],
    ['nothing of what is opened as a whole', { unlessOpen: ['10.0.0.0/8'], open: [['10.0.0.0/8']] }, []],
    [
      'what an opened part leaves out',
      { unlessOpen: ['10.0.0.0/8'], open: [['10.1.0.0/16', '10.1.0.0/17']] },
      ['10.0.0.0/8 less 10.1.0.0/16', '10.1.0.0/17'],
    ],
    [
      'not what one leaves out and another opens',
      { unlessOpen: ['10.1.0.0/17'], open: [['10.1.0.0/16', '10.1.0.0/17'], ['10.1.0.0/16']] },
      [],
    ],
    [
      'what is left out by one, but for the part that another opens',
      { unlessOpen: ['10.1.0.0/17'], open: [['10.1.0.0/16', '10.1.0.0/17'], ['10.1.64.0/24']] },
      ['10.1.0.0/17 less 10.1.64.0/24'],
    ],
    [
      'what all leave out, where they leave out different parts',
      {
        unlessOpen: ['10.0.0.0/9', '10.0.0.0/10'],
        open: [
          ['10.0.0.0/8', '10.0.0.0/9'],
          ['10.0.0.0/8', '10.0.0.0/10'],
        ],
      },
      ['10.0.0.0/10'],
    ],
    [
      'what is always denied, also where it is opened',
      { always: ['10.1.2.3/32', 'fe80::/10'], open: [['10.1.2.0/24'], ['fe80::1/128']] },
      ['10.1.2.3/32', 'fe80::/10'],
    ],
    [
      'said once, whatever else lies inside',
      { always: ['10.1.2.3/32'], unlessOpen: ['10.0.0.0/8', '10.0.0.0/16', '10.0.0.0/8'] },
      ['10.0.0.0/8'],
    ],
    ['kept apart for both families', { unlessOpen: ['::/0', '0.0.0.0/0'], open: [['0.0.0.0/0']] }, ['::/0']],
  ])('%s', (_what, wishes, blocks) => {
    expect(denied(wishes)).toEqual(blocks);
  });

  test('address by address what the wishes say', () => {
    // Small enough that every address can be asked for: the sixteen of 192.0.2.0/28.
    const part = fc
      .tuple(fc.nat(15), fc.integer({ min: 28, max: 32 }))
      .map(([last, length]) => ({ first: last - (last % 2 ** (32 - length)), length }));
    const parts = fc.array(part, { maxLength: 4 });
    const text = ({ first, length }: Part) => `192.0.2.${first}/${length}`;
    fc.assert(
      fc.property(parts, parts, fc.array(fc.tuple(part, part), { maxLength: 4 }), (always, unlessOpen, pairs) => {
        const open = pairs.map(([whole, cut]) =>
          holds(whole, cut.first) && whole.length < cut.length ? [whole, cut] : [whole],
        );
        const blocks = deniedBlocks({
          always: always.map(text).map(network),
          unlessOpen: unlessOpen.map(text).map(network),
          open: open.map(([whole, ...cuts]) => ({
            network: network(text(whole as Part)),
            cuts: cuts.map(text).map(network),
          })),
        }).map((block) => [block.network, ...block.cuts].map(asPart) as [Part, ...Part[]]);
        for (let address = 0; address < 16; address += 1) {
          const isIn = (given: readonly Part[]) => given.some((one) => holds(one, address));
          const isOpen = open.some(([whole, ...cuts]) => isIn([whole as Part]) && !isIn(cuts));
          const count = blocks.filter(([whole, ...cuts]) => isIn([whole]) && !isIn(cuts)).length;
          expect(count).toBe(isIn(always) || (isIn(unlessOpen) && !isOpen) ? 1 : 0);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

/** Part of 192.0.2.0/28. */
interface Part {
  first: number;
  length: number;
}

function holds({ first, length }: Part, address: number): boolean {
  return address >= first && address < first + 2 ** (32 - length);
}

function asPart(given: Network): Part {
  return { first: Number(given.address.value & 15n), length: given.length };
}
