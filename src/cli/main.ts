/**
 * The `bulkhead` command: parses arguments, runs one command, ends the process. Also `kubectl bulkhead`.
 */

import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { checkCommand } from './commands/check.ts';
import { incidentsCommand } from './commands/incidents.ts';
import { operatorCommand } from './commands/operator.ts';
import { quarantineCommand } from './commands/quarantine.ts';
import { releaseCommand } from './commands/release.ts';
import { renderCommand } from './commands/render.ts';
import { replayCommand } from './commands/replay.ts';
import { type CommandIo, EXIT, UsageError } from './io.ts';
import { VERSION } from './version.ts';

/** Every command, in the order of `bulkhead --help`. */
function buildProgram(io: CommandIo): Command {
  return new Command('bulkhead')
    .description('Contains AI agents on Kubernetes: policy, admission, detection, quarantine, and the record of why.')
    .version(VERSION, '-V, --version')
    .showHelpAfterError('(run with --help for what it takes)')
    .exitOverride()
    .addCommand(renderCommand(io))
    .addCommand(checkCommand(io))
    .addCommand(replayCommand(io))
    .addCommand(operatorCommand(io))
    .addCommand(incidentsCommand(io))
    .addCommand(quarantineCommand(io))
    .addCommand(releaseCommand(io));
}

/**
 * Runs the command line and returns its exit code. Never throws for anything a user can cause.
 */
export async function run(argv: readonly string[], io: CommandIo): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = buildProgram({
    ...io,
    setExitCode: (code) => {
      exitCode = code;
    },
  });
  program.configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
  });
  for (const command of program.commands) {
    command.copyInheritedSettings(program);
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    }
    if (error instanceof UsageError) {
      io.stderr.write(`bulkhead: ${error.message}\n`);
      return error.exitCode;
    }
    io.stderr.write(`bulkhead: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return EXIT.failure;
  }
}

/** Milliseconds a command may take to end in good order; the 30 s that a pod is given, too. */
const END_WITHIN_MS = 30_000;

if (import.meta.main) {
  const abort = new AbortController();
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(signal, () => {
      if (abort.signal.aborted) {
        process.exit(code);
      }
      abort.abort();
      // What waits for something that never comes, such as a pipe nobody writes to, hears no signal.
      setTimeout(() => process.exit(code), END_WITHIN_MS).unref();
    });
  }
  const exitCode = await run(process.argv.slice(2), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    color: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
    signal: abort.signal,
    setExitCode: () => {},
  });
  process.exit(exitCode);
}
