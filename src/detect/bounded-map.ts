/**
 * A map with a most: the entry that was set longest ago makes room, except for those that are kept on purpose.
 *
 * Detectors remember by keys a pod chooses, such as addresses and names; this is what keeps that from growing.
 */
export class BoundedMap<Key, Value> {
  readonly #capacity: number;
  readonly #entries = new Map<Key, Value>();
  readonly #isKept: (value: Value) => boolean;

  /** @param isKept - entries that go last; at most a quarter of the map should be. */
  constructor(capacity: number, isKept: (value: Value) => boolean = () => false) {
    this.#capacity = capacity;
    this.#isKept = isKept;
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  /** Sets an entry and makes it the youngest. */
  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#capacity) {
      this.#makeRoom();
    }
  }

  delete(key: Key): void {
    this.#entries.delete(key);
  }

  /** Oldest first. */
  entries(): IterableIterator<[Key, Value]> {
    return this.#entries.entries();
  }

  values(): IterableIterator<Value> {
    return this.#entries.values();
  }

  get size(): number {
    return this.#entries.size;
  }

  #makeRoom(): void {
    let victim: Key | undefined;
    let isFound = false;
    let seen = 0;
    for (const [key, value] of this.#entries) {
      if (!isFound) {
        victim = key;
        isFound = true;
      }
      if (!this.#isKept(value)) {
        victim = key;
        break;
      }
      seen += 1;
      if (seen > this.#capacity / 4) {
        break;
      }
    }
    if (isFound) {
      this.#entries.delete(victim as Key);
    }
  }
}
