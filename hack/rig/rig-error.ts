/**
 * An obstacle that the person at the keyboard can remove: the message is one sentence that says what and how, and is
 * printed without a stack. Everything else that goes wrong in the rig is a bug and keeps its stack.
 */
export class RigError extends Error {
  override readonly name = 'RigError';
}
