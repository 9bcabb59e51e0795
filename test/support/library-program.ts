import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { FakeQuestdb } from './fake-questdb.ts';
import { InstrumentedApp } from './instrumented-app.ts';
import { type LineProtocolRow, parseLine } from './parse-line-protocol.ts';
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

export interface LibraryProgramRun<T> {
  /** What the program returned. */
  readonly result: T;
  readonly rows: readonly LineProtocolRow[];
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
    const rows = [...new Set([...questdb.lines, ...spooled])].map(parseLine);
    return { result: JSON.parse(app.stdout) as T, rows, stderr: app.stderr };
  } finally {
    questdb.stop();
    rmSync(spool, { recursive: true, force: true });
  }
}

/** Commands with the same text and the same kind of error. */
export interface RecordedCommands {
  count: number;
  errors: number;
  durationMs: number;
}

/** Adds up the recorded commands by `db.query.text`, and by the class of their error. */
export function sumCommands(
  rows: readonly LineProtocolRow[],
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
  rows: readonly LineProtocolRow[],
  system: string,
): Record<string, number> {
  const entries = Object.entries(sumCommands(rows, system));
  return Object.fromEntries(entries.map(([key, { count }]) => [key, count]));
}
