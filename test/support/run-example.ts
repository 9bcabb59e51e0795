import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installExample } from './install-example.ts';
import { InstrumentedApp } from './instrumented-app.ts';
import { listJobRows, selectJobRows } from './job-rows.ts';
import { type LineProtocolRow, parseLine } from './parse-line-protocol.ts';
import { readSpooledLines } from './spool-fixtures.ts';

export interface ExampleRun {
  /** Lines that the program printed. */
  readonly lines: readonly string[];
  readonly rows: readonly LineProtocolRow[];
}

/**
 * Runs a program of `examples/queues` or `examples/databases` until it exits. No QuestDB is running, so the rows are in
 * the spool.
 *
 * @param program name of its npm script
 * @throws Error with the output if the program fails
 */
export async function runExample(
  name: 'queues' | 'databases',
  program: string,
  env: NodeJS.ProcessEnv,
): Promise<ExampleRun> {
  const folder = mkdtempSync(join(tmpdir(), `perfscope-example-${program}-`));
  const cwd = join(folder, name);
  const spool = join(folder, 'spool');
  try {
    const scripts = installExample(name, cwd, { packages: `test/libraries/${name}-2` });
    const [, ...flags] = scripts[program]!.split(' ');
    const app = new InstrumentedApp(flags.pop()!, {
      cwd,
      flags,
      env: {
        PATH: process.env.PATH,
        PERFORMANCE_SPOOL_DIR: spool,
        PERFORMANCE_QUESTDB_URL: 'http://127.0.0.1:1',
        ...env,
      },
    });
    const exit = await app.exited;
    if (exit !== 0) throw new Error(`${String(exit)}:\n${app.output}`);
    return { lines: app.stdout.trim().split('\n'), rows: readSpooledLines(spool).map(parseLine) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bookings in the order in which `examples/queues` adds their jobs. */
const BOOKINGS = [1, 7, 13, 2, 3];

/** What a program of `examples/queues` prints, sorted. */
export const INVOICE_LINES = [
  ...['booking 1, attempt 1: done', 'booking 13, attempt 1: failed'],
  ...['booking 13, attempt 2: failed', 'booking 2, attempt 1: done'],
  ...['booking 3, attempt 1: done', 'booking 7, attempt 1: failed', 'booking 7, attempt 2: done'],
];

const ONCE = ['waiting', 'active 1', 'completed 1'];

/** Returns the rows of each job, by booking and tenant, oldest first. `retry` and `end` are the errors of attempts. */
export function expectedInvoices(
  retry: (booking: number) => readonly string[],
  end: (booking: number) => string,
): Record<string, readonly string[]> {
  const start = (booking: number) => ['waiting', 'active 1', ...retry(booking), 'active 2'];
  return {
    '1 acme': ONCE,
    '7 acme': [...start(7), 'completed 2'],
    '13 acme': [...start(13), end(13)],
    '2 seaside': ONCE,
    '3 seaside': ONCE,
  };
}

/** Returns the rows of each job of `examples/queues`, by booking and tenant, oldest first. */
export function listInvoices(rows: readonly LineProtocolRow[]): Record<string, string[]> {
  const jobs = selectJobRows(rows, 'invoices').map(({ columns }) => columns);
  const ids = [...new Set(jobs.map(({ job_id }) => job_id))];
  return Object.fromEntries(
    ids.map((id, i) => {
      const own = jobs.filter(({ job_id }) => job_id === id);
      const tenants = new Set(own.map(({ organization_id }) => organization_id));
      return [`${BOOKINGS[i]} ${[...tenants].join()}`, listJobRows(rows, 'invoices', id)];
    }),
  );
}
