import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { FakeQuestdb } from './fake-questdb.ts';
import { InstrumentedApp } from './instrumented-app.ts';
import { readSpooledLines } from './spool-fixtures.ts';

/** A program in `test/apps/databases` that uses one version of a library. */
export interface LibraryProgram {
  /** Name of the file. */
  readonly program: string;
  /** Name of the package. */
  readonly library: string;
  /** Folder in `test/libraries` where the package is installed. */
  readonly folder: string;
  readonly node: 22 | 24 | 26;
  readonly modules: 'CommonJS' | 'ESM';
  readonly env: NodeJS.ProcessEnv;
}

/** A row in the line protocol, without its table. */
export interface RecordedRow {
  readonly table: string;
  readonly columns: Readonly<Record<string, string>>;
}

export interface LibraryProgramRun<T> {
  /** What the program returned. */
  readonly result: T;
  readonly rows: readonly RecordedRow[];
  /** Text that the agent and the program printed to the standard error. */
  readonly stderr: string;
}

/**
 * Runs a program with the agent, and returns what the agent stored.
 *
 * @throws Error with the output if the program fails
 */
export async function runLibraryProgram<T>(options: LibraryProgram): Promise<LibraryProgramRun<T>> {
  const { program, library, folder, node, modules, env } = options;
  const questdb = new FakeQuestdb();
  await questdb.start();
  const spool = mkdtempSync(join(tmpdir(), 'perfscope-library-'));
  try {
    const programs = resolve('test/apps/databases');
    const launcher = join(programs, modules === 'ESM' ? 'run.mjs' : 'run.cjs');
    const app = new InstrumentedApp(launcher, {
      args: [join(programs, program), library, resolve('test/libraries', folder)],
      node: nodeBinary(node),
      env: {
        PATH: process.env.PATH,
        PERFORMANCE_QUESTDB_URL: questdb.url,
        PERFORMANCE_SPOOL_DIR: spool,
        OTEL_SERVICE_NAME: 'library',
        ...env,
      },
    });
    const exit = await app.exited;
    if (exit !== 0) throw new Error(`${String(exit)}:\n${app.output}`);
    const spooled = existsSync(spool) ? readSpooledLines(spool) : [];
    // A row can be in both. QuestDB stores it once.
    const rows = [...new Set([...joinRows(questdb.lines), ...joinRows(spooled)])].map(parseRow);
    return { result: JSON.parse(app.stdout) as T, rows, stderr: app.stderr };
  } finally {
    questdb.stop();
    rmSync(spool, { recursive: true, force: true });
  }
}

/** Joins the lines of rows whose text contains line feeds, such as stack traces. */
function joinRows(lines: readonly string[]): string[] {
  const rows: string[] = [];
  let isOpen = false;
  for (const line of lines) {
    if (isOpen) rows.push(`${rows.pop()}\n${line}`);
    else rows.push(line);
    const quotes = rows.at(-1)!.replaceAll(/\\./gs, '').match(/"/g) ?? [];
    isOpen = quotes.length % 2 === 1;
  }
  return rows;
}

/** Parses a row of the line protocol. Columns of all types become text. */
function parseRow(line: string): RecordedRow {
  const [tags = '', fields = ''] = splitUnquoted(line, ' ');
  const [table = '', ...pairs] = [...splitUnquoted(tags, ','), ...splitUnquoted(fields, ',')];
  const columns = pairs.map((pair) => {
    const [name = '', value = ''] = splitUnquoted(pair, '=');
    const isText = value.startsWith('"');
    const text = isText ? value.slice(1, -1) : value.replace(/^(-?\d+)[it]$/, '$1');
    return [name, text.replaceAll(/\\(.)/gs, '$1')];
  });
  return { table, columns: Object.fromEntries(columns) as Record<string, string> };
}

/** Splits text at a character that is neither escaped nor inside double quotes. */
function splitUnquoted(text: string, separator: string): string[] {
  const parts = [''];
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === '\\') {
      parts[parts.length - 1] += char + (text[++i] ?? '');
      continue;
    }
    if (char === '"') isQuoted = !isQuoted;
    if (char === separator && !isQuoted) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts;
}

/** Commands with the same text and the same kind of error. */
export interface RecordedCommands {
  count: number;
  errors: number;
  durationMs: number;
}

/** Adds up the recorded commands by `db.query.text`, and by the class of their error. */
export function sumCommands(
  rows: readonly RecordedRow[],
  system: string,
): Record<string, RecordedCommands> {
  const sums: Record<string, RecordedCommands> = {};
  for (const { table, columns } of rows) {
    if (table !== 'performance_metrics') continue;
    if (columns.name !== 'db.client.operation.duration') continue;
    const tags = JSON.parse(columns.tags ?? '{}') as Record<string, string>;
    if (tags['db.system.name'] !== system) continue;
    const error = tags['error.type'];
    const key = `${columns.endpoint}${error === undefined ? '' : ` ${error}`}`;
    sums[key] ??= { count: 0, errors: 0, durationMs: 0 };
    sums[key].count += Number(columns.count);
    sums[key].errors += Number(columns.error_count ?? 0);
    sums[key].durationMs += Number(columns.sum);
  }
  return sums;
}

/** Returns the counts of {@link sumCommands}. */
export function countCommands(
  rows: readonly RecordedRow[],
  system: string,
): Record<string, number> {
  const entries = Object.entries(sumCommands(rows, system));
  return Object.fromEntries(entries.map(([key, { count }]) => [key, count]));
}
