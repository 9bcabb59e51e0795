import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresServer } from '../../demo/database-servers.ts';
import { runBrokerExample } from '../support/broker-example.ts';
import { FerretdbServer } from '../support/ferretdb-server.ts';
import { listJobRows, readDepth, selectJobRows } from '../support/job-rows.ts';
import {
  countCommands,
  type LibraryProgram,
  type LibraryProgramRun,
  runLibraryProgram,
} from '../support/library-program.ts';
import { INVOICE_LINES, listInvoices, runExample } from '../support/run-example.ts';

const postgres = new PostgresServer();
const ferretdb = new FerretdbServer();
beforeAll(() => Promise.all([postgres.start(), ferretdb.start()]));
afterAll(() => Promise.all([postgres.remove(), ferretdb.remove()]));

const ALL = ([22, 24, 26] as const).flatMap((node) =>
  (['CommonJS', 'ESM'] as const).map((modules) => [node, modules] as const),
);
const FLUSH = { PERFORMANCE_FLUSH_INTERVAL: '200' };
type Node = LibraryProgram['node'];
type Modules = LibraryProgram['modules'];

let schemas = 0;
function nextSchema(): string {
  schemas += 1;
  return `queues_${schemas}`;
}

interface PgBossResult {
  ids: Record<string, string>;
  duplicate: string | null;
  seen: [string[], unknown][];
  keys: string[];
  errors: string[];
  batches: string[];
}

describe.each([
  ['queues-1', ['id', 'name', 'data', 'expireInSeconds']],
  [
    'queues-2',
    [
      ...['id', 'name', 'data', 'retryCount', 'expireInSeconds', 'heartbeatSeconds'],
      ...['groupId', 'groupTier'],
    ],
  ],
])('pg-boss of %s', (folder, keys) => {
  const check = async (node: Node, modules: Modules) => {
    const schema = nextSchema();
    const run = await runLibraryProgram<PgBossResult>({
      ...{ program: '../queues/pg-boss.cjs', library: 'pg-boss', folder, node, modules },
      env: { DATABASE_URL: postgres.url, SCHEMA: schema, ...FLUSH },
    });
    expect(run.stderr).toBe('');
    const { ids, seen, ...result } = run.result;
    // The application sees no metadata, and no tenant.
    expect(result).toMatchObject({ duplicate: null, keys, errors: [], batches: ['batch2'] });
    expect(seen.map(([jobKeys]) => jobKeys)).toEqual(Array.from({ length: 7 }, () => keys));
    expect(seen[0]?.[1]).toEqual({ address: 'a' });
    expect(countCommands(run.rows, 'postgresql')).toEqual({ 'SELECT ? AS application': 1 });

    // Version 10 can start the next attempt before it reports the end of the last one.
    const rows = (queue: string, job?: string) =>
      listJobRows(run.rows, queue, ids[job ?? '']).toSorted();
    const once = ['active 1', 'completed 1', 'waiting'];
    expect(rows('mail', 'ok')).toEqual(once);
    expect(rows('mail', 'throttled')).toEqual(once);
    expect(rows('mail', 'later')).toEqual(['active 1', 'completed 1', 'delayed', 'waiting']);
    const starts = ['active 1', 'active 2'];
    const waits = ['waiting', 'waiting 1: mail failed'];
    expect(rows('mail', 'retried')).toEqual([...starts, 'completed 2', ...waits]);
    expect(rows('mail', 'failed')).toEqual([...starts, 'failed 2: mail failed', ...waits]);
    expect(rows('manual', 'completed')).toEqual(once);
    expect(rows('manual', 'rejected')).toEqual(['active 1', 'failed 1: rejected', 'waiting']);
    expect(rows('manual', 'cancelled')).toEqual(['active 1', 'waiting']);
    expect(rows('slow', 'slow')).toEqual([
      'active 1',
      expect.stringMatching(/^failed 1: handler execution exceeded 1/),
      'waiting',
    ]);
    expect(rows('idle', 'idle')).toEqual(['waiting']);
    expect(rows('idle', 'idleLater')).toEqual(['delayed']);
    // Each job of a failed batch fails.
    expect(rows('batch')).toEqual(
      ['active 1', 'active 2', 'active 3', 'waiting', 'waiting 1: batch failed']
        .concat(['waiting 2: batch failed', 'failed 3: batch failed'])
        .flatMap((row) => [row, row])
        .toSorted(),
    );
    expectTimes(run, 'mail', ids.ok, [20, 1000]);
    const scope = `${schema}@${new URL(postgres.url).host}/postgres`;
    const [first] = selectJobRows(run.rows, 'mail', ids.retried);
    expect(first?.columns).toMatchObject({ queue_scope: scope, organization_id: 'acme' });
    expect(readDepth(run.rows, 'idle')).toEqual({ waiting: 1, delayed: 1, active: 0, failed: 0 });
    expect(readDepth(run.rows, 'manual')).toMatchObject({ waiting: 0, active: 0, failed: 1 });
    expect(readDepth(run.rows, 'dead')).toMatchObject({ waiting: 1 });
  };
  const title = 'records each job on Node %s as %s';
  it.concurrent.each(ALL.filter(isInCi))(title, check);
  // Long: the cases in CI cover each version of Node.js and each module system.
  it.concurrent.each(ALL.filter((each) => !isInCi(each)))(title, { tags: 'long' }, check);

  it.concurrent('records the statements of pg-boss on a pool of the application', async () => {
    const schema = nextSchema();
    const run = await runLibraryProgram<{ affected: number }>({
      ...{ program: '../queues/pg-boss-own-db.cjs', library: 'pg-boss', folder },
      ...{ node: 26, modules: 'CommonJS' },
      env: { DATABASE_URL: postgres.url, SCHEMA: schema, ...FLUSH },
    });
    expect(run.result.affected).toBe(1);
    expect(listJobRows(run.rows, 'mail')).toEqual(['waiting', 'active 1', 'completed 1']);
    const statements = Object.entries(countCommands(run.rows, 'postgresql'));
    const inserts = statements.filter(([text]) => text.includes('INTO') && text.includes('.job'));
    expect(inserts.some(([, count]) => count === 1)).toBe(true);
  });
});

interface LostConnectionsResult {
  started: number;
  completed: number;
  errors: number;
}

it.concurrent('counts each job once if PostgreSQL closes the connections of pg-boss', async () => {
  const run = await runLibraryProgram<LostConnectionsResult>({
    ...{ program: '../queues/pg-boss-lost-connections.cjs', library: 'pg-boss' },
    ...{ folder: 'queues-2', node: 26, modules: 'ESM' },
    env: { DATABASE_URL: postgres.url, SCHEMA: nextSchema(), ...FLUSH },
  });
  expect(run.result.errors).toBeGreaterThan(0);
  const rows = listJobRows(run.rows, 'mail');
  const count = (row: string) => rows.filter((each) => each === row).length;
  expect(count('waiting')).toBe(20);
  const countAll = (text: string) => rows.filter((row) => row.startsWith(text)).length;
  expect(countAll('active')).toBe(run.result.started);
  expect(countAll('completed')).toBe(run.result.completed);
});

it.concurrent('measures both processes of the example in examples/pg-boss', async () => {
  const rows = await runBrokerExample('pg-boss', {
    env: { DATABASE_URL: postgres.url },
    expected: ['7: failed', '7: done', '13: failed', '1: done', '2: done', '3: done'],
  });
  // Both processes record an arrival. QuestDB stores rows with the same time and state once.
  const steps = new Set(
    selectJobRows(rows, 'invoices').map(({ columns }) => {
      const { job_id, status, attempts, organization_id, created_at } = columns;
      return [`${status} ${attempts} ${organization_id}`, job_id, created_at].join();
    }),
  );
  const names = [...steps].map((step) => step.split(',')[0]!).toSorted();
  const arrivals = ['waiting 0 acme', 'waiting 0 acme', 'waiting 0 acme'];
  const ends = ['completed 1 acme', 'completed 2 acme', 'failed 2 acme'];
  expect(names.filter((name) => name.endsWith('acme'))).toEqual(
    [...arrivals, 'waiting 1 acme', 'waiting 1 acme', ...ends]
      .concat(Array.from({ length: 3 }, () => 'active 1 acme'))
      .concat(['active 2 acme', 'active 2 acme'])
      .toSorted(),
  );
  expect(names.filter((name) => name.endsWith('seaside'))).toEqual(
    ['active 1', 'completed 1', 'waiting 0'].flatMap((step) => [
      `${step} seaside`,
      `${step} seaside`,
    ]),
  );
});

interface AgendaResult {
  ids: Record<string, string>;
  runs: Record<string, number>;
  seen: boolean[];
  listed: boolean[];
}

describe.each([['queues-1'], ['queues-2']])('Agenda of %s', (folder) => {
  const check = async (node: Node, modules: Modules) => {
    const database = nextSchema();
    const run = await runLibraryProgram<AgendaResult>({
      ...{ program: '../queues/agenda.cjs', library: 'agenda', folder, node, modules },
      env: {
        MONGODB_URL: ferretdb.url,
        DATABASE: database,
        FOLDER: resolve('test/libraries', folder),
        NODE_NO_WARNINGS: '1',
        PERFORMANCE_FLUSH_INTERVAL: '700',
      },
    });
    // FerretDB is slow if the machine is busy.
    const messages = run.stderr
      .split('\n')
      .filter((line) => !/queue depth is unknown|reachable again/.test(line));
    expect(messages.join('')).toBe('');
    const { ids, runs, seen, listed } = run.result;
    expect([...seen, ...listed]).not.toContain(true);
    expect(countCommands(run.rows, 'mongodb')).toEqual({ 'insert other': 1 });

    // FerretDB doesn't lock jobs atomically, so a job can run twice.
    const expectRuns = (queue: string, job: string, end: string, start = ['waiting']) => {
      const rows = listJobRows(run.rows, queue, ids[job]).map((row) => row.replace(/ \d+/, ''));
      const attempts = Array.from({ length: runs[ids[job] ?? ''] ?? 0 }, () => ['active', end]);
      expect(rows.toSorted()).toEqual([...start, ...attempts.flat()].toSorted());
    };
    expectRuns('mail', 'ok', 'completed');
    expectRuns('mail', 'later', 'completed', ['delayed', 'waiting']);
    expectRuns('mail', 'failed', 'failed: mail failed');
    expectRuns('callback', 'callback', 'completed');
    expectRuns('by-hand', 'byHand', 'failed: by hand');
    expectRuns('idle', 'idleLater', '', ['delayed']);
    const arrivals = new Set(
      selectJobRows(run.rows, 'recurring')
        .filter(({ columns }) => columns.status === 'waiting')
        .map(({ columns }) => columns.created_at),
    );
    expectRuns(
      'recurring',
      'recurring',
      'completed',
      Array.from(arrivals, () => 'waiting'),
    );
    expect(listJobRows(run.rows, 'disabled')).toEqual([]);
    if (folder === 'queues-2') {
      const rows = listJobRows(run.rows, 'retried', ids.retried);
      expect(rows).toEqual(
        expect.arrayContaining(['waiting', 'active 1', 'delayed 1: try again', 'completed 2']),
      );
    }
    expectTimes(run, 'mail', ids.ok, [20, 1000]);
    const scope = `agendaJobs@${new URL(ferretdb.url).host}/${database}`;
    const [first] = selectJobRows(run.rows, 'mail', ids.ok);
    expect(first?.columns).toMatchObject({ queue_scope: scope, organization_id: 'acme' });
    const active = selectJobRows(run.rows, 'mail', ids.ok).find(
      ({ columns }) => columns.status === 'active',
    );
    expect(active?.columns).toMatchObject({ organization_id: 'acme' });
    expect(readDepth(run.rows, 'idle')).toEqual({ waiting: 0, delayed: 1, active: 0, failed: 0 });
    expect(readDepth(run.rows, 'mail')).toMatchObject({ waiting: 0, delayed: 0, failed: 1 });
  };
  const title = 'records each run on Node %s as %s';
  // One after the other, because FerretDB serializes all writes.
  it.each(ALL.filter(isInCi).slice(folder === 'queues-1' ? 0 : 1, folder === 'queues-1' ? 2 : 3))(
    title,
    check,
  );
  // Long: the cases in CI cover each version of Node.js and each module system.
  it.each(ALL.filter((each) => !isInCi(each)))(title, { tags: 'long' }, check);
});

it('measures examples/queues with Agenda', async () => {
  const { lines, rows } = await runExample('queues', 'agenda', {
    MONGODB_URL: `${ferretdb.url}/${nextSchema()}`,
  });
  expect([...new Set(lines)].toSorted()).toEqual(INVOICE_LINES);
  const invoices = listInvoices(rows);
  const jobs = ['1 acme', '7 acme', '13 acme', '2 seaside', '3 seaside'];
  expect(Object.keys(invoices)).toEqual(jobs);
  // FerretDB doesn't lock jobs atomically, so a job can run twice.
  for (const job of jobs) {
    const booking = job.split(' ')[0]!;
    const error = `no invoice for booking ${booking}`;
    const attempts = lines.filter((line) => line.startsWith(`booking ${booking},`));
    const expected = attempts.flatMap((line) => {
      const [, attempt, result] = /attempt (\d): (\w+)/.exec(line)!;
      if (result === 'done') return [`active ${attempt}`, `completed ${attempt}`];
      const state = attempt === '1' ? 'delayed' : 'failed';
      return [`active ${attempt}`, `${state} ${attempt}: ${error}`];
    });
    // On a busy machine, the retry can be due before the attempt is stored.
    const stored = invoices[job]!.map((row) => row.replace('waiting 1:', 'delayed 1:'));
    expect(stored.toSorted()).toEqual(['waiting', ...expected].toSorted());
  }
});

/** Node.js 24 loads the library as an ES module, and the others as CommonJS. */
function isInCi([node, modules]: readonly [number, string]): boolean {
  return (node === 24) === (modules === 'ESM');
}

/** The handler takes `duration[0]` ms. The processes of all tests share the CPU. */
function expectTimes(
  run: LibraryProgramRun<unknown>,
  queue: string,
  jobId: string | undefined,
  duration: readonly [number, number],
): void {
  const end = selectJobRows(run.rows, queue, jobId).at(-1);
  expect(Number(end?.columns.duration)).toBeGreaterThanOrEqual(duration[0] - 1);
  expect(Number(end?.columns.duration)).toBeLessThan(duration[1] * 5);
  expect(Number(end?.columns.wait_time)).toBeGreaterThanOrEqual(0);
}
