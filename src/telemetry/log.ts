/**
 * Log lines as JSON: a constant message and fields with known names, so that they can be searched and counted.
 *
 * The names are listed in docs/logging.md. Objects, payloads, tokens and environment never go into a line: fields are
 * names, numbers and short texts. Long text is cut; JSON escapes control characters, so a pod's name cannot forge a line.
 */
import { type DestinationStream, destination, pino } from 'pino';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Names and numbers that say what the message is about. `error` takes anything thrown. */
export type LogFields = Readonly<Record<string, unknown>>;

/** What everything that logs is given. @example log.info('policy applied', { namespace, sandbox, policy, generation }) */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same logger with fields that every line of it has. */
  with(fields: LogFields): Logger;
}

export interface LoggerOptions {
  level: LogLevel;
  /** Standard error when absent, written at once: standard output belongs to what a command prints. */
  stream?: DestinationStream;
}

/** Logger that writes one JSON object a line: `time` (RFC 3339), `level`, `msg`, then the fields. */
export function createLogger(options: LoggerOptions): Logger {
  const root = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.stream ?? destination({ dest: 2, sync: true }),
  );
  return wrap(root, {});
}

/** Logger that says nothing; for tests and for commands that only print. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLogger,
};

type PinoWriter = Record<LogLevel, (fields: object, message: string) => void>;

function wrap(root: PinoWriter, bound: LogFields): Logger {
  const write =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      root[level](clean({ ...bound, ...fields }), message);
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    with: (fields) => wrap(root, { ...bound, ...fields }),
  };
}

function clean(fields: LogFields): Record<string, unknown> {
  const cleaned: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) {
      continue;
    }
    // `time`, `level` and `msg` are the line's own; a second one of the same name would make it ambiguous.
    cleaned[RESERVED.has(key) ? `${key}_` : key] = SECRET_KEY.test(key) ? '[redacted]' : cleanValue(value, 0);
  }
  return cleaned;
}

function cleanValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') {
    return cut(value);
  }
  if (value instanceof Error) {
    return describeError(value, depth);
  }
  if (Array.isArray(value)) {
    return value.slice(0, MAX_ITEMS).map((item) => cleanValue(item, depth + 1));
  }
  if (typeof value === 'bigint') {
    return String(value);
  }
  // A whole object in a log line is a payload.
  return typeof value === 'object' && value !== null ? '[object]' : value;
}

function describeError(error: Error, depth: number): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  const expected = typeof code === 'string';
  return {
    type: error.name,
    message: cut(error.message),
    ...(expected ? { code } : {}),
    // An error with a code was foreseen; for any other the stack is what finds the bug.
    ...(expected || error.stack === undefined ? {} : { stack: error.stack.slice(0, MAX_STACK) }),
    ...(error.cause instanceof Error && depth < MAX_CAUSES ? { cause: describeError(error.cause, depth + 1) } : {}),
  };
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}… (${text.length} characters)`;
}

const RESERVED = new Set(['time', 'level', 'msg']);
const SECRET_KEY = /token|secret|password|authorization|private.?key/i;
const MAX_TEXT = 1024;
const MAX_STACK = 4096;
const MAX_ITEMS = 32;
const MAX_CAUSES = 3;
