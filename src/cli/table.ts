/**
 * Columns for people, as kubectl prints them. Cells are escaped: they hold names and texts that a pod may have chosen.
 */
import { printable } from '../api/v1alpha1/display.ts';

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows.map((row) => row.map((cell) => printable(cell, MAX_CELL)))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** Characters; a longer cell is shortened rather than breaking the columns. */
const MAX_CELL = 120;
