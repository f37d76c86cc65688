/**
 * Ends a test run with one plain line, `N passed, N failed`, for programs that read the output.
 *
 * It is written when the process exits, so that nothing follows it, and it never says that all is well when the run's
 * exit code says otherwise: a suite that could not be loaded, an error outside of any test and a run without tests
 * are failures too.
 */
import process from 'node:process';
import type { Reporter, TestModule } from 'vitest/node';

/** What a run came to. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** Counts tests, and as failures also the files and suites whose own code failed. */
export function tallyOf(modules: readonly TestModule[], unhandledErrors: number): Tally {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const count = (state: string) => tests.filter((test) => test.result().state === state).length;
  const outsideTests = modules
    .flatMap((module) => [module, ...module.children.allSuites()])
    .filter((part) => part.errors().length > 0).length;
  return {
    passed: count('passed'),
    failed: count('failed') + outsideTests + unhandledErrors,
    skipped: count('skipped'),
  };
}

/** The line for a run that ended with this exit code. */
export function plainLine({ passed, failed, skipped }: Tally, exitCode: number): string {
  const failures = exitCode === 0 ? failed : Math.max(failed, 1);
  return `${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** The exit code that a run deserves whose runner would end with `exitCode`. */
export function exitCodeFor({ passed, failed }: Tally, exitCode: number): number {
  return exitCode === 0 && (failed > 0 || passed === 0) ? 1 : exitCode;
}

/** The reporter, for `reporters` in the vitest configuration. */
export function plainLineReporter(): Reporter {
  let tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  return {
    onInit() {
      process.once('exit', (code) => {
        process.exitCode = exitCodeFor(tally, code);
        process.stdout.write(`\n${plainLine(tally, process.exitCode)}\n`);
      });
    },
    onTestRunEnd(modules, unhandledErrors) {
      tally = tallyOf(modules, unhandledErrors.length);
    },
  };
}
