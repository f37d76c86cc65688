/**
 * `bulkhead operator`: reads its configuration, then runs until it is told to stop.
 */
import { Command, Option } from 'commander';
import { ConfigError, type GivenFlags, resolveConfig } from '../../config/config.ts';
import { type ConfigOption, OPTIONS } from '../../config/options.ts';
import { type CommandIo, EXIT, UsageError } from '../io.ts';

export function operatorCommand(io: CommandIo): Command {
  const command = new Command('operator')
    .description('Run the operator: reconcile AgentSandboxes, serve admission, watch flows, quarantine.')
    .addHelpText('after', HELP)
    .action(async (flags: GivenFlags) => {
      const config = readConfig(flags, io);
      // Loaded here, so that no other command waits for what only the operator needs.
      const [{ createLogger }, { runOperator }] = await Promise.all([
        import('../../telemetry/log.ts'),
        import('../operator/run.ts'),
      ]);
      const log = createLogger({ level: config.logLevel });
      try {
        await runOperator(config, { kubeconfig: io.env['KUBECONFIG'], stdin: io.stdin, log, signal: io.signal });
      } catch (error) {
        if (error instanceof UsageError) {
          throw error;
        }
        log.error('operator failed', { error });
        io.setExitCode(EXIT.failure);
      }
    });
  for (const [field, option] of Object.entries<ConfigOption>(OPTIONS)) {
    command.addOption(toFlag(field, option));
  }
  return command;
}

function toFlag(field: string, { flag, metavar, kind, description, env, default: byDefault }: ConfigOption): Option {
  const value = metavar === undefined ? ' [true|false]' : ` <${metavar.toLowerCase()}>`;
  const preset = byDefault === undefined || byDefault === '' ? '' : ` (default ${byDefault})`;
  const option = new Option(`${flag}${value}`, `${description} [$${env}]${preset}`);
  option.attributeName = () => field;
  return kind === 'list' ? option.argParser(collect) : option;
}

function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

function readConfig(flags: GivenFlags, io: CommandIo) {
  try {
    return resolveConfig(flags, io.env);
  } catch (error) {
    throw error instanceof ConfigError ? new UsageError(error.message) : error;
  }
}

const HELP = `
Exit status: 0 after SIGTERM or SIGINT, 2 for a setting that cannot be used, 70 when it failed or lost leadership.

Outside the cluster, with a kubeconfig of its service account:
  bulkhead operator --kubeconfig operator.kubeconfig --webhook-address 127.0.0.1:9443 \\
    --webhook-url https://127.0.0.1:9443 --metrics-address 127.0.0.1:8080 --flows unix:///var/run/cilium/hubble.sock`;
