/**
 * The flows of one node, put in the order in which they happened, and the clock they drive.
 *
 * Time is event time. Items wait until the clock has moved past them by the lateness, so that what arrives up to that much
 * out of order is seen in order. A time far ahead of all others must not move the clock, since everything that comes after
 * would then be late: such items are held until the stream confirms them by going on from there, and put to the present
 * when it does not. What is older than what was already given out is passed on as it comes and moves nothing.
 */

/** Something with a time. `timeMs` is set to the present when it turns out to lie in the future. */
export interface Timed {
  timeMs: number;
}

export interface StreamLimits {
  /** How long items wait for earlier ones, milliseconds of event time. Default 2 000. */
  latenessMs: number;
  /** From how far ahead a time is doubted. Default 5 min. */
  futureMs: number;
  /** Most items waiting; more push the oldest out early. Default 100 000. */
  maxWaiting: number;
}

export interface StreamCounts {
  late: number;
  future: number;
  /** Given out before their time because too many were waiting. */
  pushedOut: number;
}

/** @param order - decides between items of the same time; must not depend on the order of arrival. */
export class NodeStream<Item extends Timed> {
  readonly counts: StreamCounts = { late: 0, future: 0, pushedOut: 0 };
  readonly #limits: StreamLimits;
  readonly #order: (a: Item, b: Item) => number;
  readonly #give: (item: Item) => void;
  /** What has been given out leaves a hole until the list is cut, so that nothing of it is kept. */
  #waiting: (Item | undefined)[] = [];
  #head = 0;
  #ahead: Item[] = [];
  #clockMs = Number.NaN;
  #givenMs = Number.NEGATIVE_INFINITY;
  #seen = 0;
  /** What the caller says the time is, and by how much this node's clock is behind it at least. */
  #wallMs = Number.NaN;
  #behindMs = 0;

  constructor(limits: StreamLimits, order: (a: Item, b: Item) => number, give: (item: Item) => void) {
    this.#limits = limits;
    this.#order = order;
    this.#give = give;
  }

  /** Event time up to which everything has been given out. */
  get watermarkMs(): number {
    return this.#givenMs;
  }

  get waiting(): number {
    return this.#waiting.length - this.#head + this.#ahead.length;
  }

  push(item: Item): void {
    this.#seen += 1;
    if (this.#isAhead(item.timeMs)) {
      this.#hold(item);
      return;
    }
    this.#noteLag(item.timeMs);
    if (this.#seen <= CONFIRMATIONS && item.timeMs < this.#clockMs - this.#limits.futureMs) {
      this.#doubtBeginning(item.timeMs);
      this.#accept(item);
    } else {
      this.#accept(item);
      // Time has gone back from what is held, so what even now lies far ahead was not the present.
      this.#acceptReached();
      this.#denyAhead();
    }
    this.#release();
  }

  /** Notes an event of this node that needs no order but moves the clock. */
  touch(timeMs: number): void {
    if (!this.#isAhead(timeMs) && !(timeMs <= this.#clockMs)) {
      this.#clockMs = timeMs;
      this.#release();
    }
  }

  /** Moves the clock to what the caller says the time is, less what this node's clock is behind. */
  advance(nowMs: number): void {
    this.#wallMs = Math.max(Number.isNaN(this.#wallMs) ? nowMs : this.#wallMs, nowMs);
    this.#acceptReached();
    const own = this.#wallMs - this.#behindMs;
    this.#clockMs = Math.max(Number.isNaN(this.#clockMs) ? own : this.#clockMs, own);
    this.#release();
  }

  /** Gives out everything that waits: no more will come. */
  flush(): void {
    for (const item of this.#ahead.splice(0)) {
      this.#accept(item);
    }
    this.#releaseUntil(Number.POSITIVE_INFINITY);
    this.#givenMs = Number.isNaN(this.#clockMs) ? this.#givenMs : Math.max(this.#givenMs, this.#clockMs);
  }

  #isAhead(timeMs: number): boolean {
    const reference = Number.isNaN(this.#wallMs) ? this.#clockMs : Math.max(this.#clockMs || 0, this.#wallMs);
    return timeMs > reference + this.#limits.futureMs;
  }

  #accept(item: Item): void {
    if (!(item.timeMs <= this.#clockMs)) {
      this.#clockMs = item.timeMs;
    }
    if (item.timeMs <= this.#givenMs) {
      this.counts.late += 1;
      this.#give(item);
      return;
    }
    this.#insert(item);
  }

  /** Follows the freshest items at once and staler ones slowly: a backlog is no slow clock. */
  #noteLag(timeMs: number): void {
    if (!Number.isNaN(this.#wallMs)) {
      const lag = Math.min(Math.max(0, this.#wallMs - timeMs), MAX_BEHIND_MS);
      this.#behindMs = lag < this.#behindMs ? lag : this.#behindMs + (lag - this.#behindMs) / LAG_MEMORY;
    }
  }

  #insert(item: Item): void {
    let place = this.#waiting.length;
    while (place > this.#head) {
      const before = this.#waiting[place - 1];
      if (before === undefined || before.timeMs < item.timeMs) {
        break;
      }
      if (before.timeMs === item.timeMs && this.#order(before, item) <= 0) {
        break;
      }
      place -= 1;
    }
    if (place === this.#waiting.length) {
      this.#waiting.push(item);
    } else {
      this.#waiting.splice(place, 0, item);
    }
  }

  #hold(item: Item): void {
    this.#ahead.push(item);
    if (!Number.isNaN(this.#wallMs)) {
      this.#denyAhead();
    } else if (this.#ahead.length >= CONFIRMATIONS) {
      this.#confirmAhead();
    }
  }

  /** The stream goes on from there. What lies far ahead even of the middle one stays in doubt. */
  #confirmAhead(): void {
    const sorted = this.#ahead.toSorted((a, b) => a.timeMs - b.timeMs);
    const middleMs = sorted[sorted.length >> 1]?.timeMs ?? Number.NaN;
    this.#ahead = [];
    for (const item of sorted) {
      if (item.timeMs <= middleMs + this.#limits.futureMs) {
        this.#accept(item);
      } else {
        this.#ahead.push(item);
      }
    }
    this.#release();
  }

  /** Accepts what is held and no longer far ahead. */
  #acceptReached(): void {
    const held = this.#ahead.toSorted((a, b) => a.timeMs - b.timeMs);
    this.#ahead = [];
    for (const item of held) {
      if (this.#isAhead(item.timeMs)) {
        this.#ahead.push(item);
      } else {
        this.#accept(item);
      }
    }
  }

  #denyAhead(): void {
    for (const item of this.#ahead.splice(0)) {
      this.counts.future += 1;
      item.timeMs = Number.isNaN(this.#wallMs) ? this.#clockMs : Math.max(this.#clockMs || 0, this.#wallMs);
      this.#accept(item);
    }
  }

  /** The first items may be the wrong ones: if what follows is far older, they are the ones in doubt. */
  #doubtBeginning(timeMs: number): void {
    const limit = timeMs + this.#limits.futureMs;
    const waiting = this.#waiting.slice(this.#head).filter((item) => item !== undefined);
    this.#ahead = waiting.filter((item) => item.timeMs > limit);
    this.#waiting = waiting.filter((item) => item.timeMs <= limit);
    this.#head = 0;
    this.#clockMs = timeMs;
    this.#givenMs = Math.min(this.#givenMs, timeMs - this.#limits.latenessMs);
  }

  #release(): void {
    this.#releaseUntil(this.#clockMs - this.#limits.latenessMs);
    while (this.#waiting.length - this.#head > this.#limits.maxWaiting) {
      this.counts.pushedOut += 1;
      this.#giveOldest();
    }
  }

  #releaseUntil(untilMs: number): void {
    while (this.#head < this.#waiting.length && (this.#waiting[this.#head]?.timeMs ?? 0) <= untilMs) {
      this.#giveOldest();
    }
    if (untilMs !== Number.POSITIVE_INFINITY) {
      this.#givenMs = Math.max(this.#givenMs, untilMs);
    }
  }

  #giveOldest(): void {
    const item = this.#waiting[this.#head];
    this.#waiting[this.#head] = undefined;
    this.#head += 1;
    if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    if (item !== undefined) {
      this.#givenMs = Math.max(this.#givenMs, item.timeMs);
      this.#give(item);
    }
  }
}

/** How many items in a row must lie ahead before the stream is believed to have gone on there: two connections' worth. */
const CONFIRMATIONS = 8;
/** A node's clock is taken to be at most this much behind. */
const MAX_BEHIND_MS = 60_000;
/** Items over which a growing lag is averaged. */
const LAG_MEMORY = 64;
const COMPACT_AT = 1024;
