/**
 * Which addresses must be denied outright, where a deny beats every allow: all that may be, less what is opened.
 *
 * All networks that matter are nested or disjoint, so the address space falls into regions: each network without those
 * inside it. A region is denied or not as a whole, and one pass over the sorted networks, wider ones first, decides every
 * region from the one around it. Which networks those are is baseline.ts and egress.ts.
 */
import { containsNetwork, type Network } from '../api/v1alpha1/address.ts';
import { compareNetworks } from './cidr.ts';
import type { OpenNetwork } from './network-peer.ts';

export interface DenyWishes {
  /** Denied whatever is opened. */
  readonly always: readonly Network[];
  /** Denied as far as nothing opens them. */
  readonly unlessOpen: readonly Network[];
  readonly open: readonly OpenNetwork[];
}

/**
 * @returns sorted; the blocks do not overlap.
 * @example
 * // 10.0.0.0/8 unless open, and 10.1.0.0/16 open without 10.1.0.0/17:
 * // 10.0.0.0/8 without 10.1.0.0/16, and 10.1.0.0/17
 */
export function deniedBlocks(wishes: DenyWishes): OpenNetwork[] {
  const blocks: Block[] = [];
  const around: Region[] = [];
  for (const { network, ...mark } of marksOf(wishes)) {
    while (around.length > 0 && !containsNetwork((around.at(-1) as Region).network, network)) {
      around.pop();
    }
    const outer = around.at(-1) ?? OUTSIDE;
    const region: Mark = {
      network,
      always: mark.always || outer.always,
      unlessOpen: mark.unlessOpen || outer.unlessOpen,
      // Every cut takes away one network that is open around it, since no two cuts of one network lie in each other.
      opened: mark.opened + outer.opened,
    };
    around.push({ ...region, block: blockFor(region, outer.block, blocks) });
  }
  return blocks;
}

/** What is said of one network. */
interface Mark {
  network: Network;
  always: boolean;
  unlessOpen: boolean;
  /** How many open networks begin here, less those that leave this out. */
  opened: number;
}

/** The same for a region: of the network and of all around it. */
interface Region extends Mark {
  /** The block that denies it, if it is denied. */
  block: Block | undefined;
}

interface Block {
  network: Network;
  cuts: Network[];
}

/** The block that denies the region: the one around it, or a new one. A region that is not denied is cut out of it. */
function blockFor(region: Mark, outer: Block | undefined, blocks: Block[]): Block | undefined {
  if (!region.always && (!region.unlessOpen || region.opened > 0)) {
    outer?.cuts.push(region.network);
    return undefined;
  }
  if (outer !== undefined) {
    return outer;
  }
  const block = { network: region.network, cuts: [] };
  blocks.push(block);
  return block;
}

/** One mark for each network, sorted. */
function marksOf({ always, unlessOpen, open }: DenyWishes): Mark[] {
  const marks = new Map<string, Mark>();
  const markOf = (network: Network): Mark => {
    const key = `${network.address.bits} ${network.address.value} ${network.length}`;
    const mark = marks.get(key) ?? { network, always: false, unlessOpen: false, opened: 0 };
    marks.set(key, mark);
    return mark;
  };
  for (const network of always) {
    markOf(network).always = true;
  }
  for (const network of unlessOpen) {
    markOf(network).unlessOpen = true;
  }
  for (const { network, cuts } of open) {
    markOf(network).opened += 1;
    for (const cut of cuts) {
      markOf(cut).opened -= 1;
    }
  }
  return [...marks.values()].sort((a, b) => compareNetworks(a.network, b.network));
}

/** What is around a network that lies in no other. */
const OUTSIDE = { always: false, unlessOpen: false, opened: 0, block: undefined } as const;
