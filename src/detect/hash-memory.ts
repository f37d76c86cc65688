/**
 * Remembers many keys in little memory: a 32-bit hash and the hour for each, in flat arrays of a fixed size.
 *
 * Four keys share a bucket, and the oldest of them makes room. Two different keys are taken for one with a chance of about
 * 2⁻³⁰ a question; the seed keeps a pod from choosing such keys.
 */
export class HashMemory {
  readonly #hashes: Uint32Array;
  readonly #minutes: Uint32Array;
  readonly #bucketMask: number;
  readonly #seed: number;
  readonly #keptMinutes: number;

  /** @param capacity - keys, a power of two, at least 4. */
  constructor(capacity: number, keptMs: number, seed: number) {
    this.#hashes = new Uint32Array(capacity);
    this.#minutes = new Uint32Array(capacity);
    this.#bucketMask = capacity / WAYS - 1;
    this.#seed = seed;
    this.#keptMinutes = keptMs / 60_000;
  }

  /** Remembers a key; false when it was remembered already and not too long ago. */
  add(key: string, timeMs: number): boolean {
    const hash = hashOf(key, this.#seed);
    const minute = Math.floor(timeMs / 60_000);
    const start = (hash & this.#bucketMask) * WAYS;
    let place = start;
    for (let index = start; index < start + WAYS; index += 1) {
      if (this.#hashes[index] === hash) {
        const isNew = minute - (this.#minutes[index] ?? 0) > this.#keptMinutes;
        this.#minutes[index] = isNew ? minute : (this.#minutes[index] ?? minute);
        return isNew;
      }
      if ((this.#minutes[index] ?? 0) < (this.#minutes[place] ?? 0)) {
        place = index;
      }
    }
    this.#hashes[place] = hash;
    this.#minutes[place] = minute;
    return true;
  }
}

/** 32 bits, never 0, which stands for an empty place. FNV-1a with a seed and MurmurHash3's last mixing. */
export function hashOf(key: string, seed: number): number {
  let hash = (FNV_OFFSET ^ seed) >>> 0;
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), FNV_PRIME);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85eb_ca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2_ae35);
  hash ^= hash >>> 16;
  return hash >>> 0 || 1;
}

const WAYS = 4;
const FNV_OFFSET = 0x811c_9dc5;
const FNV_PRIME = 0x0100_0193;
