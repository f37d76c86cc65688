/**
 * Words in host names by which mining is told from reading about it, and a pool from a pool of anything else.
 */
import { isWebPort } from './name-list.ts';

/**
 * What a host of a pool's domain is for. `Likely`: on a web port, under a label that neither sites nor miners have.
 *
 * @param prefix - what stands before the domain, such as `xmr-eu1.`.
 * @param port - undefined when the name was only asked for.
 */
export function useOfPoolHost(prefix: string, port: number | undefined): 'Mining' | 'Likely' | 'Site' {
  if (port !== undefined && !isWebPort(port)) {
    return 'Mining';
  }
  const labels = prefix.split('.').filter((label) => label !== '');
  if (labels.some((label) => label.split('-').some((word) => MINER_LABELS.test(word)))) {
    return 'Mining';
  }
  return labels.every((label) => SITE_LABELS.has(label)) ? 'Site' : 'Likely';
}

/** Whether a name that is on no list reads like a pool. `pool` alone is a time server or a database; it says something only beside a coin or a miner. */
export function hasMiningWord(name: string): boolean {
  if (name.endsWith('.ntp.org') || name.endsWith('.cluster.local')) {
    return false;
  }
  const words = name.split(/[.-]/).map((word) => word.replace(/\d+$/, ''));
  const isPool = words.includes('pool');
  return words.some((word) => KEYWORDS.has(word) || (isPool && COINS.has(word)));
}

/** Labels of hosts that are mined at. */
const MINER_LABELS = /^(stratum|pool|xmr|monero|mine|miner|mining|rx|randomx|ssl|tls|gulf|donate)\d*$/;
/** Labels of hosts that are read. */
const SITE_LABELS: ReadonlySet<string> = new Set([
  'www',
  'api',
  'docs',
  'doc',
  'help',
  'support',
  'blog',
  'forum',
  'status',
  'cdn',
  'static',
  'assets',
  'img',
  'mail',
  'm',
]);
const KEYWORDS: ReadonlySet<string> = new Set([
  'stratum',
  'xmrig',
  'xmrpool',
  'minexmr',
  'monero',
  'xmr',
  'randomx',
  'cryptonight',
  'ethash',
  'kawpow',
  'miningpool',
  'minerpool',
  'minergate',
  'nanopool',
  'cryptonote',
]);
const COINS: ReadonlySet<string> = new Set([
  'mine',
  'miner',
  'miners',
  'mining',
  'coin',
  'btc',
  'bitcoin',
  'eth',
  'etc',
  'ltc',
  'rvn',
  'kas',
  'zec',
  'doge',
  'hash',
]);
