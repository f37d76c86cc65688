/**
 * The lists of the other files here, read once. Whoever wants others passes others in.
 */
import { BACKGROUND_NAMES, GIT_NAMES } from './benign-names.ts';
import { MINING_NAMES } from './mining-names.ts';
import { type NameList, parseNameList } from './name-list.ts';
import { TUNNEL_NAMES } from './tunnel-names.ts';

export interface Indicators {
  tunnels: NameList;
  pools: NameList;
  /** What programs ask for by themselves. */
  background: NameList;
  /** Git over ssh. */
  gitHosts: NameList;
}

export const INDICATORS: Indicators = {
  tunnels: parseNameList(TUNNEL_NAMES),
  pools: parseNameList(MINING_NAMES),
  background: parseNameList(BACKGROUND_NAMES),
  gitHosts: parseNameList(GIT_NAMES),
};
