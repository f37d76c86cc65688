/** Types of `file-lock.mjs`, which stays plain JavaScript for the sake of Node 20. */
export interface LockOptions {
  /** Called once, with the holder's pid, when the lock turns out to be held. */
  onWait?: (holderPid: number) => void;
  /** Ends the waiting. */
  signal?: AbortSignal | undefined;
}

/** Runs `work` while holding the lock at `path`, waiting for as long as another live process holds it. */
export function withFileLock<T>(path: string, work: () => Promise<T> | T, options?: LockOptions): Promise<T>;
