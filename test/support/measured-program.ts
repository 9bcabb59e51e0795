import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { InstrumentedApp } from './instrumented-app.ts';
import { readSpooledLines } from './spool-fixtures.ts';

export interface MeasuredProgramOptions {
  env?: NodeJS.ProcessEnv;
  /** Path of the Node binary. Default: the current one. */
  node?: string;
  args?: string[];
}

/** What a program did, and the rows that the agent stored. */
export interface MeasuredProgram {
  readonly exit: number | NodeJS.Signals;
  readonly output: string;
  /** Rows of all tables, in the spool. */
  readonly rows: readonly MeasuredRow[];
}

export interface MeasuredRow {
  readonly table: string;
  /** Values of all columns as text, by name. */
  readonly columns: Readonly<Record<string, string>>;
}

/** Runs a program with the agent. No QuestDB is running, so the rows are in the spool when the program exits. */
export async function runMeasuredProgram(
  script: string,
  { env = {}, node = process.execPath, args = [] }: MeasuredProgramOptions = {},
): Promise<MeasuredProgram> {
  const spool = mkdtempSync(join(tmpdir(), 'perfscope-measured-'));
  try {
    const app = new InstrumentedApp(script, {
      node,
      args,
      env: {
        PATH: process.env.PATH,
        HOME: spool,
        XDG_RUNTIME_DIR: spool,
        PERFORMANCE_SPOOL_DIR: join(spool, 'rows'),
        PERFORMANCE_QUESTDB_URL: 'http://127.0.0.1:1',
        ...env,
      },
    });
    const exit = await app.exited;
    return {
      exit,
      output: app.output,
      rows: readSpooledLines(join(spool, 'rows')).filter(isRow).map(parseRow),
    };
  } finally {
    rmSync(spool, { recursive: true, force: true });
  }
}

/** Runs a program without the agent. */
export async function runPlainProgram(
  script: string,
  { env = {}, node = process.execPath, args = [] }: MeasuredProgramOptions = {},
): Promise<Pick<MeasuredProgram, 'exit' | 'output'>> {
  const app = new InstrumentedApp(resolve(script), {
    node,
    args,
    flags: [],
    env: { PATH: process.env.PATH, ...env },
  });
  return { exit: await app.exited, output: app.output };
}

/**
 * Returns the statements that a program ran: the fingerprint, the error type or `''`, and the count of each, sorted by
 * fingerprint.
 */
export function countStatements(rows: readonly MeasuredRow[]): [string, string, number][] {
  const counts = new Map<string, number>();
  for (const { table, columns } of rows) {
    if (table !== 'performance_metrics' || columns.metric_type !== 'DATABASE_QUERY_TIME') continue;
    const tags = JSON.parse(columns.tags ?? '{}') as Record<string, string>;
    const key = JSON.stringify([columns.endpoint, tags['error.type'] ?? '']);
    counts.set(key, (counts.get(key) ?? 0) + Number.parseInt(columns.count ?? '0', 10));
  }
  return [...counts]
    .map(([key, count]): [string, string, number] => [
      ...(JSON.parse(key) as [string, string]),
      count,
    ])
    .sort((a, b) => (a.slice(0, 2).join('\n') < b.slice(0, 2).join('\n') ? -1 : 1));
}

/** Whether a line starts a row. Stack traces contain line breaks. */
function isRow(line: string): boolean {
  return /^\w+,/.test(line);
}

/** Parses a row of the line protocol, with its escape sequences. */
function parseRow(line: string): MeasuredRow {
  const parts: string[] = [];
  let part = '';
  let isInFields = false;
  let isQuoted = false;
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!;
    if (char === '\\') part += line[++i] ?? '';
    else if (char === '"' && isInFields) isQuoted = !isQuoted;
    else if ((char === ',' || char === ' ') && !isQuoted) {
      isInFields ||= char === ' ';
      parts.push(part);
      part = '';
    } else part += char;
  }
  const [table = '', ...columns] = parts;
  return {
    table,
    columns: Object.fromEntries(
      columns.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]),
    ),
  };
}
