import Table from 'cli-table3';

/** Least time in ms between two lines of progress. */
const PROGRESS_INTERVAL_MS = 200;

export function print(line: string): void {
  process.stdout.write(`perfscope: ${line}\n`);
}

/** What is worth knowing and is not the answer. */
export function printStatus(line: string): void {
  process.stderr.write(`perfscope: ${line}\n`);
}

/** One JSON document, for machines. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Rows under their titles. Numbers stand to the right. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly unknown[])[],
): string {
  const isNumber = (i: number) => rows.length > 0 && rows.every((row) => isNumeric(row[i]));
  const table = new Table({
    head: [...head],
    chars: PLAIN_TABLE_CHARS,
    // No colours: what is printed is also what is piped.
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

/** Control characters of a name must not reach the terminal. */
function formatCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.replaceAll(/\p{Cc}/gu, '·');
}

/** A line on stderr that tells how far long work is; nothing where stderr is no terminal. */
export class ProgressLine {
  #lastMs = 0;
  #shown = false;
  readonly #isShown = process.stderr.isTTY === true;

  show(line: string, nowMs: number = Date.now()): void {
    if (!this.#isShown || nowMs - this.#lastMs < PROGRESS_INTERVAL_MS) return;
    this.#lastMs = nowMs;
    this.#shown = true;
    process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }

  /** Removes the line. */
  clear(): void {
    if (this.#shown) process.stderr.write('\r\x1b[K');
    this.#shown = false;
  }
}

/** Three digits of a figure; `–` where there is none. */
export function formatValue(value: number | undefined, unit = ''): string {
  if (value === undefined) return '–';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${unit}`;
}
