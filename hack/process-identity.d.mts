/** Types of `process-identity.mjs`, which stays plain JavaScript for the sake of Node 20. */
export interface ProcessIdentity {
  pid: number;
  /** When it started, in a form that only equality is asked of. */
  started: string;
}

/** The identity of the process with this pid, or undefined when there is none (a zombie counts as none). */
export function identityOf(pid: number): ProcessIdentity | undefined;

/** Whether the process that once had this identity still runs. */
export function isRunning(identity: ProcessIdentity): boolean;
