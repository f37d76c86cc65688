/**
 * A flow source that cannot be used as it was asked for: a wrong address, a missing file, an unreadable certificate.
 *
 * Only for what a person must mend. A live source that loses its connection does not throw; it says so in its health and
 * tries again.
 */
export class FlowSourceError extends Error {
  override readonly name = 'FlowSourceError';
  /** Stable CamelCase word. */
  readonly code: 'BadAddress' | 'Unreadable';
  constructor(code: 'BadAddress' | 'Unreadable', message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
