/**
 * Leader election on a Lease: one replica reconciles and detects, the others stand by.
 *
 * The semantics are client-go's: a lease counts from when *we* saw it change, so clocks need not agree; a leader that
 * cannot renew within the deadline steps down before the lease runs out for others. Losing is final: whoever was leader
 * may have work in flight, and a process that starts anew is the only state that is surely clean.
 */
import { isApiStatus } from '../api/errors.ts';
import type { KubeObject } from '../api/v1alpha1/types.ts';
import type { Logger } from '../telemetry/log.ts';
import type { KubeClient } from './client.ts';
import { type Clock, sleep } from './clock.ts';
import { type ObjectRef, RESOURCES } from './resources.ts';

export interface LeaderElectionOptions {
  client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  clock: Clock;
  log: Logger;
  namespace: string;
  /** Name of the Lease. */
  name: string;
  /** Unique among replicas and restarts, such as pod name and a random part. */
  identity: string;
  /** Called once, when this replica has become leader. */
  onStarted: () => void;
  /** Called once if it was leader and could not stay so. Not called by `stop`. */
  onLost: () => void;
  /** Milliseconds, client-go's defaults: others may take over 15 s after the last renewal they saw; */
  leaseDurationMs?: number;
  /** we give up 10 s after the last one that succeeded; */
  renewDeadlineMs?: number;
  /** and try every 2 s. */
  retryPeriodMs?: number;
}

interface Lease extends KubeObject {
  spec?: LeaseSpec;
}

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #log: Logger;
  readonly #ref: ObjectRef;
  readonly #timing: { leaseMs: number; deadlineMs: number; retryMs: number };
  readonly #abort = new AbortController();
  /** The lease as last seen, and when we first saw it so. */
  #seen: { lease: Lease; atMs: number } | undefined;
  #leading = false;
  #running: Promise<void> | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#log = options.log.with({ lease: `${options.namespace}/${options.name}`, identity: options.identity });
    this.#ref = { resource: RESOURCES.leases, namespace: options.namespace, name: options.name };
    this.#timing = {
      leaseMs: options.leaseDurationMs ?? 15_000,
      deadlineMs: options.renewDeadlineMs ?? 10_000,
      retryMs: options.retryPeriodMs ?? 2000,
    };
  }

  get isLeader(): boolean {
    return this.#leading;
  }

  /** Who holds the lease, as far as we know; empty when nobody does. */
  get holder(): string {
    return this.#seen?.lease.spec?.holderIdentity ?? '';
  }

  /** Begins to try. Returns at once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops trying, and gives the lease back so that the next replica need not wait for it to run out. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
    if (this.#leading) {
      this.#leading = false;
      await this.#release();
    }
  }

  async #run(): Promise<void> {
    const { clock, onStarted, onLost } = this.#options;
    const { signal } = this.#abort;
    while (!(await this.#attempt(clock.nowMs() + this.#timing.deadlineMs))) {
      // Spread over up to 2.2 periods, as client-go: candidates must not collide for ever.
      await sleep(clock, this.#timing.retryMs * (1 + 1.2 * clock.random()), signal);
      if (signal.aborted) {
        return;
      }
    }
    this.#leading = true;
    if (signal.aborted) {
      return;
    }
    this.#log.info('became leader');
    onStarted();
    if (await this.#renewUntilLost()) {
      this.#leading = false;
      this.#log.error('lost leadership', { holder: this.holder });
      onLost();
    }
  }

  /** Resolves with true when a renewal has not succeeded in time, with false on `stop`. */
  async #renewUntilLost(): Promise<boolean> {
    const { clock } = this.#options;
    const { signal } = this.#abort;
    let renewedMs = clock.nowMs();
    while (clock.nowMs() < renewedMs + this.#timing.deadlineMs) {
      await sleep(clock, this.#timing.retryMs, signal);
      if (signal.aborted) {
        return false;
      }
      const startedMs = clock.nowMs();
      if (await this.#attempt(renewedMs + this.#timing.deadlineMs)) {
        // Others count from when they see the write, which is after it began.
        renewedMs = startedMs;
      } else if (this.holder !== '' && this.holder !== this.#options.identity) {
        return true;
      }
    }
    return !signal.aborted;
  }

  /** Takes or renews the lease. False when that fails, or hangs past the deadline. */
  async #attempt(deadlineMs: number): Promise<boolean> {
    const { clock } = this.#options;
    const late = new AbortController();
    const signal = AbortSignal.any([late.signal, this.#abort.signal]);
    let cancel = (): void => {};
    const hung = new Promise<false>((resolve) => {
      cancel = clock.after(deadlineMs - clock.nowMs(), () => {
        late.abort();
        resolve(false);
      });
    });
    try {
      return await Promise.race([this.#take(signal), hung]);
    } catch (error) {
      if (!signal.aborted) {
        this.#log.warn('lease not taken', { error });
      }
      return false;
    } finally {
      cancel();
    }
  }

  async #take(signal: AbortSignal): Promise<boolean> {
    const { client, clock } = this.#options;
    const lease = await client.get<Lease>(this.#ref, signal);
    const nowMs = clock.nowMs();
    if (lease === undefined) {
      this.#see(await client.create(RESOURCES.leases, this.#firstLease(nowMs), { signal }), nowMs);
      return true;
    }
    if (lease.metadata.resourceVersion !== this.#seen?.lease.metadata.resourceVersion) {
      this.#see(lease, nowMs);
    }
    return (
      this.#isFree(lease.spec ?? {}, nowMs) && this.#write({ ...lease, spec: this.#taken(lease.spec, nowMs) }, signal)
    );
  }

  #isFree({ holderIdentity = '', leaseDurationSeconds = 0 }: LeaseSpec, nowMs: number): boolean {
    const endsMs = (this.#seen?.atMs ?? nowMs) + leaseDurationSeconds * 1000;
    return holderIdentity === '' || holderIdentity === this.#options.identity || nowMs >= endsMs;
  }

  #taken(before: LeaseSpec | undefined, nowMs: number): LeaseSpec {
    const isMine = before?.holderIdentity === this.#options.identity;
    return {
      ...this.#held(nowMs),
      acquireTime: (isMine ? before.acquireTime : undefined) ?? microTime(nowMs),
      leaseTransitions: (before?.leaseTransitions ?? 0) + (isMine ? 0 : 1),
    };
  }

  /** False when somebody else was faster. */
  async #write(lease: Lease, signal: AbortSignal): Promise<boolean> {
    const { client, clock } = this.#options;
    try {
      this.#see(await client.replace(RESOURCES.leases, lease, { signal }), clock.nowMs());
      return true;
    } catch (error) {
      if (isApiStatus(error, 409)) {
        return false;
      }
      throw error;
    }
  }

  async #release(): Promise<void> {
    const { client, clock } = this.#options;
    const lease = this.#seen?.lease;
    if (lease === undefined) {
      return;
    }
    try {
      const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(clock.nowMs()) };
      await client.replace(RESOURCES.leases, { ...lease, spec });
      this.#log.info('gave up leadership');
    } catch (error) {
      this.#log.warn('lease not given back', { error });
    }
  }

  #see(lease: Lease, atMs: number): void {
    this.#seen = { lease, atMs };
  }

  #held(nowMs: number): LeaseSpec {
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.round(this.#timing.leaseMs / 1000),
      renewTime: microTime(nowMs),
    };
  }

  #firstLease(nowMs: number): Lease {
    const { namespace, name } = this.#options;
    const spec = { ...this.#held(nowMs), acquireTime: microTime(nowMs), leaseTransitions: 0 };
    return { apiVersion: RESOURCES.leases.apiVersion, kind: 'Lease', metadata: { namespace, name }, spec };
  }
}

/** metav1.MicroTime: the API server takes exactly six digits. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
