import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresServer, RedisServer } from '../../demo/database-servers.ts';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { countCommands, runLibraryProgram } from '../support/library-program.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import {
  expectedInvoices,
  INVOICE_LINES,
  listInvoices,
  runExample,
} from '../support/run-example.ts';
import { waitFor } from '../support/wait-for.ts';

const redis = new RedisServer();
const postgres = new PostgresServer();
const server = new PerfscopeServer({ PERFORMANCE_QUEUE_DEPTH_THRESHOLD: '2' });
beforeAll(() => Promise.all([server.start(), redis.start(), postgres.start()]));
afterAll(() => Promise.all([server.remove(), redis.remove(), postgres.remove()]));

interface QueueLibrary {
  /** Name of the package. */
  readonly library: string;
  /** Program in `test/apps/queues`. */
  readonly program: string;
  /** Addresses of the servers. */
  readonly env: () => NodeJS.ProcessEnv;
  /** Whether the library counts connected workers. */
  readonly hasWorkers: boolean;
  /** Returns the scope of a queue. */
  readonly scope: (queue: string) => string;
}

const redisEnv = () => ({ REDIS_URL: redis.url });
const redisScope = (prefix: string) => () => `${prefix}@${new URL(redis.url).host}/0`;

/** To add a library, write a program for its queues, and add it here. */
const LIBRARIES: readonly QueueLibrary[] = [
  {
    library: 'bullmq',
    program: 'bullmq.cjs',
    env: redisEnv,
    hasWorkers: true,
    scope: redisScope('bull'),
  },
  {
    library: 'bull',
    program: 'bull.cjs',
    env: redisEnv,
    hasWorkers: true,
    scope: redisScope('bull'),
  },
  {
    library: 'bee-queue',
    program: 'bee-queue.cjs',
    env: redisEnv,
    hasWorkers: false,
    scope: redisScope('bq'),
  },
  {
    library: 'pg-boss',
    program: 'pg-boss-scenario.cjs',
    env: () => ({ DATABASE_URL: postgres.url }),
    hasWorkers: false,
    // Each program has its own schema.
    scope: (queue) => `of_${queue.replaceAll('-', '_')}@${new URL(postgres.url).host}/postgres`,
  },
];

/** Number of jobs of each tenant in `test/apps/queues/scenario.cjs`. Failing jobs are tried twice. */
const COMPLETE = 4;
const FAIL = 2;
const RETRY = 3;
const JOBS = COMPLETE + FAIL + RETRY;
const ATTEMPTS = COMPLETE + 2 * (FAIL + RETRY);
const WAITING_JOBS = 3;

/** Rows by state and tenant: their number, and the number of jobs. A failed attempt that is retried makes a job wait. */
const EXPECTED_ROWS = ['Grand', 'Inn'].flatMap((tenant) => [
  ['active', tenant, ATTEMPTS, JOBS],
  ['completed', tenant, COMPLETE + RETRY, COMPLETE + RETRY],
  ['failed', tenant, FAIL, FAIL],
  ['waiting', tenant, JOBS + FAIL + RETRY, JOBS],
]);
const EXPECTED_TIMES = ['Grand', 'Inn'].flatMap((tenant) => [
  ['messaging.process.duration', tenant, ATTEMPTS, 2 * FAIL + RETRY],
  ['perfscope.queue.wait.duration', tenant, ATTEMPTS, 0],
]);

type Case = readonly [node: 22 | 24 | 26, folder: string, launcher: string];
const CASES: readonly Case[] = ([22, 24, 26] as const).flatMap((node) =>
  ['queues-1', 'queues-2'].flatMap((folder) =>
    ['run.cjs', 'run.mjs'].map((launcher) => [node, folder, launcher] as const),
  ),
);

/** The oldest version runs on Node 22. Node.js 24 loads the newest version as an ES module. */
function isInCi([node, folder, launcher]: Case): boolean {
  if (node === 22) return folder === 'queues-1' && launcher === 'run.cjs';
  return folder === 'queues-2' && (node === 24) === (launcher === 'run.mjs');
}

describe.concurrent.each(LIBRARIES)('$library', (library) => {
  const title = 'counts the jobs of each tenant on Node %s for %s with %s';
  it.concurrent.each(CASES.filter(isInCi))(title, (...args) => check(library, args));
  // Long: the cases in CI cover each version of Node.js, each module system, and both versions.
  it.concurrent.each(CASES.filter((each) => !isInCi(each)))(title, { tags: 'long' }, (...args) =>
    check(library, args),
  );
});

async function check(
  { library, program, env, hasWorkers, scope }: QueueLibrary,
  [node, folder, launcher]: Case,
): Promise<void> {
  const queue = `${library}-${node}-${folder}-${launcher.slice(-3)}`;
  const programs = resolve('test/apps/queues');
  const app = new InstrumentedApp(resolve(programs, launcher), {
    args: [resolve(programs, program), library, resolve('test/libraries', folder)],
    env: { ...server.env, ...env(), OTEL_SERVICE_NAME: queue, QUEUE_NAME: queue },
    node: nodeBinary(node),
  });
  await waitFor(async () => app.stdout.includes('finished') || app.child.exitCode !== null);
  expect(app.output).toBe('finished\n');

  const query = (text: string) => server.sql(text.replaceAll('$queue', `'${queue}'`));
  await expectRows(() => query(STATES), EXPECTED_ROWS, 40_000);
  await expectRows(() => query(TIMES), EXPECTED_TIMES, 40_000);
  expect(await query(WRONG_TIMES)).toEqual([]);
  await waitFor(
    async () => (await listQueues(queue))[`${queue}-idle`]?.depth === WAITING_JOBS,
    60_000,
  );
  const { [queue]: busy, [`${queue}-idle`]: idle } = await listQueues(queue);
  expect(busy).toMatchObject({ scope: scope(queue), depth: 0, failed: 2 * FAIL, stalled: 0 });
  expect(busy?.completed).toBe(2 * (COMPLETE + RETRY));
  expect(idle).toMatchObject({ depth: WAITING_JOBS, completed: 0 });
  expect(idle?.oldestAge).toBeGreaterThan(0);
  if (hasWorkers) expect(busy?.workers).toBe(1);
  const alerts = 'alerts?rule=queue-depth&state=pending&state=firing';
  await waitFor(() => hasEntry(alerts, `${queue}-idle`), 90_000);
  await waitFor(() => hasEntry(`scaling?queue=${queue}`, queue), 90_000);

  expect(await app.stop()).toBe(0);
  expect(app.output).toBe('finished\n');
}

/** Whether a response contains the name of a queue. */
async function hasEntry(path: string, queue: string): Promise<boolean> {
  const response = await server.get(`/api/performance/${path}`);
  return JSON.stringify(response).includes(`"${queue}"`);
}

interface QueueView {
  readonly queue: string;
  readonly scope: string;
  readonly depth?: number;
  readonly completed: number;
  readonly failed: number;
  readonly stalled: number;
  readonly oldestAge?: number;
  readonly workers?: number;
}

async function listQueues(service: string): Promise<Record<string, QueueView>> {
  const response = await server.get(`/api/performance/queues?service=${service}`);
  const queues = response.queues as readonly QueueView[];
  return Object.fromEntries(queues.map((each) => [each.queue, each]));
}

const STATES = `SELECT status, organization_id, count(), count_distinct(job_id) FROM queue_metrics
  WHERE queue_name = $queue ORDER BY organization_id, status`;
const TIMES = `SELECT name, organization_id, sum(count), sum(error_count) FROM performance_metrics
  WHERE service = $queue AND metric_type IN ('QUEUE_PROCESSING_TIME', 'QUEUE_WAIT_TIME')
  ORDER BY organization_id, name`;
/** An attempt takes 20 ms. */
const WRONG_TIMES = `SELECT * FROM queue_metrics WHERE queue_name = $queue AND status IN ('completed', 'failed')
  AND (created_at > started_at OR started_at > coalesce(completed_at, failed_at) OR wait_time IS NULL
    OR duration < 15 OR duration > datediff('T', created_at, timestamp) + 1)`;

describe('a processor file', () => {
  it.concurrent.each([
    ['bullmq', 'queues-2', 'sandbox.js', 'process'],
    ['bullmq', 'queues-2', 'sandbox.cjs', 'thread'],
    ['bullmq', 'queues-1', 'sandbox.cjs', 'process'],
    ['bull', 'queues-2', 'sandbox.cjs', 'process'],
    ['bull', 'queues-1', 'sandbox.js', 'process'],
  ])('of %s in %s runs for the tenant of the job: %s in a %s', async (...args) => {
    const [library, folder, processor, kind] = args;
    const run = await runLibraryProgram<unknown>({
      program: '../queues/sandbox.cjs',
      library,
      folder,
      node: 26,
      modules: 'CommonJS',
      env: {
        REDIS_URL: redis.url,
        LIBRARY: library,
        LIBRARY_FOLDER: resolve('test/libraries', folder),
        PROCESSOR: processor,
        QUEUE_NAME: `sandbox-${library}-${folder}-${kind}`,
        THREADS: String(kind === 'thread'),
      },
    });
    expect(run.stderr).toBe('');
    expect(run.result).toEqual({ completed: 4, failed: 2 });
    const jobs = run.rows
      .filter(({ table }) => table === 'queue_metrics')
      .map(({ columns }) => `${columns.status} ${columns.organization_id}`);
    const commands: Record<string, number> = {};
    for (const { table, columns } of run.rows) {
      if (table !== 'performance_metrics') continue;
      if (columns.name !== 'db.client.operation.duration') continue;
      const key = `${columns.endpoint} ${columns.organization_id}`;
      commands[key] = (commands[key] ?? 0) + Number(columns.count);
    }
    const count = (text: string) => jobs.filter((each) => each === text).length;
    for (const tenant of ['Grand', 'Inn']) {
      expect(
        ['waiting', 'active', 'completed', 'failed'].map((state) => count(`${state} ${tenant}`)),
      ).toEqual([3, 3, 2, 1]);
    }
    expect(commands).toEqual({ 'SET Grand': 3, 'SET Inn': 3 });
  });
});

it("doesn't record the commands of Bull on a shared client as commands of the application", async () => {
  const folder = 'queues-2';
  const run = await runLibraryProgram<unknown>({
    program: '../queues/bull-shared.cjs',
    library: 'bull',
    folder,
    node: 26,
    modules: 'CommonJS',
    env: {
      REDIS_URL: redis.url,
      LIBRARY_FOLDER: resolve('test/libraries', folder),
      QUEUE_NAME: 'shared-bull',
    },
  });
  expect(run.stderr).toBe('');
  expect(run.result).toEqual({ attempts: 4 });
  const own = { SET: 1, MULTI: 1, GET: 2, EXEC: 1 };
  // Bull names and closes the client for blocking commands, which the application created.
  expect(countCommands(run.rows, 'redis')).toEqual({ ...own, CLIENT: 1, QUIT: 1 });
});

it.concurrent.each(['bull', 'bee-queue'])('measures examples/queues with %s', async (program) => {
  const { lines, rows } = await runExample('queues', program, { REDIS_URL: redis.url });
  expect(lines.toSorted()).toEqual(INVOICE_LINES);
  expect(listInvoices(rows)).toEqual(
    expectedInvoices(
      (booking) => [`waiting 1: no invoice for booking ${booking}`],
      (booking) => `failed 2: no invoice for booking ${booking}`,
    ),
  );
});
