import Table from 'cli-table3';

/** Minimum time between two progress updates. */
const PROGRESS_INTERVAL_MS = 200;

export function print(line: string): void {
  process.stdout.write(formatLine(line));
}

/** Returns a message as a line of the output. */
export function formatLine(line: string): string {
  return `perfscope: ${line}\n`;
}

/** Prints a status message to stderr, so that stdout contains only the result. */
export function printStatus(line: string): void {
  process.stderr.write(`perfscope: ${line}\n`);
}

/** Prints a JSON document on one line. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Formats rows as a table with a header. Right-aligns columns that contain only numbers. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly unknown[])[],
): string {
  const isNumber = (i: number) => rows.length > 0 && rows.every((row) => isNumeric(row[i]));
  const table = new Table({
    head: [...head],
    chars: PLAIN_TABLE_CHARS,
    // Use no colors, because the output can be piped.
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2, compact: true },
    colAligns: head.map((_, i) => (isNumber(i) ? 'right' : 'left')),
  });
  table.push(...rows.map((row) => row.map(formatCell)));
  return `${table.toString().replaceAll(/ +$/gm, '')}\n`;
}

const PLAIN_TABLE_CHARS = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid']
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .concat('middle')
    .map((name) => [name, '']),
);

function isNumeric(value: unknown): boolean {
  return (
    value === null ||
    value === undefined ||
    /^(–|[-+]?\d[\d.,]*\s?\S{0,3})$/.test(formatCell(value))
  );
}

/** Replaces control characters, so that stored names can't send commands to the terminal. */
function formatCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.replaceAll(/\p{Cc}/gu, '·');
}

/** Shows progress in one line on stderr. Shows nothing if stderr isn't a terminal. */
export class ProgressLine {
  #lastMs = 0;
  #isVisible = false;
  readonly #isTerminal = process.stderr.isTTY === true;

  show(line: string, nowMs: number = Date.now()): void {
    if (!this.#isTerminal || nowMs - this.#lastMs < PROGRESS_INTERVAL_MS) return;
    this.#lastMs = nowMs;
    this.#isVisible = true;
    process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }

  /** Removes the line. */
  clear(): void {
    if (this.#isVisible) process.stderr.write('\r\x1b[K');
    this.#isVisible = false;
  }
}

/** Formats a number with about three digits, or as `–` if it is undefined. */
export function formatValue(value: number | undefined, unit = ''): string {
  if (value === undefined) return '–';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${unit}`;
}
