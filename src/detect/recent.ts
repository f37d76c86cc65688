/**
 * How many different things happened within a window that ends now. Exact, and bounded: of more than the most, the oldest
 * are forgotten, by which time every threshold has been passed.
 */
export class RecentKeys {
  readonly #windowMs: number;
  readonly #capacity: number;
  readonly #lastMs = new Map<string, number>();

  /** @param capacity - at least the highest count anybody asks about. */
  constructor(windowMs: number, capacity: number) {
    this.#windowMs = windowMs;
    this.#capacity = capacity;
  }

  add(key: string, timeMs: number): void {
    const known = this.#lastMs.get(key);
    if (known !== undefined && known >= timeMs) {
      return;
    }
    this.#lastMs.delete(key);
    this.#lastMs.set(key, timeMs);
    if (this.#lastMs.size > this.#capacity) {
      const [oldest] = this.#lastMs.keys();
      this.#lastMs.delete(oldest ?? key);
    }
  }

  /** Forgets what is older than the window and counts the rest. */
  count(nowMs: number): number {
    this.#prune(nowMs);
    return this.#lastMs.size;
  }

  keys(nowMs: number): IterableIterator<string> {
    this.#prune(nowMs);
    return this.#lastMs.keys();
  }

  #prune(nowMs: number): void {
    for (const [key, timeMs] of this.#lastMs) {
      if (timeMs >= nowMs - this.#windowMs) {
        return;
      }
      this.#lastMs.delete(key);
    }
  }
}
