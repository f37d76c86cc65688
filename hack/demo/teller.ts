/**
 * Tells the story on a terminal: acts, commands as one would type them, what they print. Colour only on a terminal.
 */
import process from 'node:process';

export interface Teller {
  act(title: string): void;
  say(text: string): void;
  /** A command and what it printed. */
  ran(command: string, output: string): void;
  good(text: string): void;
  bad(text: string): void;
}

export function createTeller(stream: NodeJS.WriteStream = process.stdout): Teller {
  const colour = stream.isTTY && process.env['NO_COLOR'] === undefined;
  const paint = (code: string, text: string): string => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const started = Date.now();
  const line = (text: string): void => {
    stream.write(`${text}\n`);
  };
  return {
    act: (title) => line(`\n${paint('1', `[${((Date.now() - started) / 1000).toFixed(0).padStart(3)} s] ${title}`)}`),
    say: (text) => line(`  ${text}`),
    ran: (command, output) => {
      line(paint('36', `  $ ${command}`));
      for (const row of output.trimEnd().split('\n')) {
        line(`    ${row}`);
      }
    },
    good: (text) => line(paint('32', `  + ${text}`)),
    bad: (text) => line(paint('31', `  ! ${text}`)),
  };
}
