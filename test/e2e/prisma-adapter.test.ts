import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../demo/server-process.ts';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { countCommands, sumCommands } from '../support/library-program.ts';
import { type MeasuredProgram, runMeasuredProgram } from '../support/measured-program.ts';
import { PostgresAndRedis } from '../support/postgres-and-redis.ts';
import { PrismaClients } from '../support/prisma-clients.ts';

const databases = new PostgresAndRedis();
beforeAll(() => databases.start());
afterAll(() => databases.remove());

/** What `test/apps/databases/prisma-adapter.cjs` did. */
interface ProgramResult {
  readonly errors: readonly string[];
  readonly sleepMs: number;
  /** Values of the pool while its connections are used, and after that. */
  readonly connections: Readonly<Record<'busy' | 'idle', Readonly<Record<string, number>>>>;
  readonly statements: number;
  readonly wallMs: number;
}

type Variant = 'CommonJS' | 'ESM' | 'TypeScript' | 'CommonJS bundle' | 'ESM bundle';
const VARIANTS = ['CommonJS', 'ESM', 'TypeScript'] as const;
const CI_VARIANTS_OF_PRISMA_6 = { 22: 'TypeScript', 24: 'CommonJS', 26: 'ESM' } as const;

const COLUMNS = ['id', 'city', 'status'].map((name) => `"public"."Room"."${name}"`).join(', ');
const INSERT = `INSERT INTO "public"."Room"("id", "city", "status") VALUES (…) RETURNING ${COLUMNS}`;
const FIND = `SELECT ${COLUMNS} FROM "public"."Room" WHERE`;
const FIND_UNIQUE = `${FIND} ("public"."Room"."id" = ? AND ? = ?) LIMIT ? OFFSET ?`;
/** The statements that PostgreSQL executed. */
const EXECUTED = {
  'CREATE TABLE "Room"(id int PRIMARY KEY, city text, status text)': 1,
  [INSERT]: 3,
  [`${FIND} "public"."Room"."city" = ? OFFSET ?`]: 3,
  [`${FIND} "public"."Room"."id" IN (…) OFFSET ?`]: 2,
  [`UPDATE "public"."Room" SET "status" = ? WHERE ("public"."Room"."id" = ? AND ? = ?) RETURNING ${COLUMNS}`]: 1,
  'SELECT id FROM "Room" WHERE city = ? AND status = ?': 1,
  'SELECT COUNT(*) AS "_count$_all" FROM (SELECT "public"."Room"."id" FROM "public"."Room" WHERE ? = ? OFFSET ?) AS "sub"': 9,
  'SELECT pg_sleep(?)': 6,
  [FIND_UNIQUE]: 7,
  BEGIN: 5,
  COMMIT: 4,
  ROLLBACK: 1,
};
const FAILED = {
  [`${INSERT} 23505`]: 1,
  'SELECT secret FROM "Room" 42703': 1,
  'CONNECT ECONNREFUSED': 1,
};
/** Each statement outside a transaction, except the failed connection, and each transaction need a connection. */
const CONNECTION_WAITS = 29 + 5;

describe.each([
  ['prisma-7', { packageOptions: [], sourceOptions: [], database: '' }],
  [
    'prisma-6',
    {
      packageOptions: ['engineType = "client"'],
      sourceOptions: ['engineType = "client"'],
      database: 'url = "postgresql://unused"',
    },
  ],
] as const)('%s with @prisma/adapter-pg', (name, options) => {
  const clients = new PrismaClients(name, {
    file: 'prisma-adapter.cjs',
    adapter: ['@prisma/adapter-pg', 'PrismaPg'],
  });
  beforeAll(() => clients.generate({ provider: 'postgresql', ...options }));
  afterAll(() => clients.remove());

  const title = 'records each statement once on Node %s (%s)';
  const cases = ([22, 24, 26] as const).flatMap((node) =>
    VARIANTS.map((variant) => [node, variant] as const),
  );
  const ciCases = cases.filter(
    ([node, variant]) => name === 'prisma-7' || CI_VARIANTS_OF_PRISMA_6[node] === variant,
  );
  const bundles = [[26, 'CommonJS bundle'] as const, [26, 'ESM bundle'] as const];
  it.concurrent.each(ciCases)(title, check);
  // Long: Prisma 7 covers these combinations in CI, and Prisma 6 covers each version of Node and each kind of module.
  it.concurrent.each(cases.filter((each) => !ciCases.includes(each)))(
    title,
    { tags: 'long' },
    check,
  );
  if (name === 'prisma-7') it.concurrent.each(bundles)(title, check);
  // Long: the bundles of Prisma 7 cover these in CI.
  else it.concurrent.each(bundles)(title, { tags: 'long' }, check);

  async function check(node: 22 | 24 | 26, variant: Variant): Promise<void> {
    const database = `${name} ${node} ${variant}`.replaceAll(/\W/g, '_').toLowerCase();
    await databases.sql(`CREATE DATABASE "${database}"`);
    const url = new URL(database, databases.postgres.url);
    const run = await runMeasuredProgram(await writeProgram(variant), {
      node: nodeBinary(node),
      env: { DATABASE_URL: url.href, OTEL_EXPORTER_PROMETHEUS_PORT: String(await findFreePort()) },
    });
    expect(run.exit, run.output).toBe(0);
    const result = JSON.parse(/^\{"errors.*$/m.exec(run.output)?.[0] ?? '{}') as ProgramResult;
    expect(result.errors, run.output).toEqual(['RangeError', 'P2002', 'P2010', 'P1001']);
    expect(countCommands(run.rows, 'postgresql')).toEqual({ ...EXECUTED, ...FAILED });
    expect(await readServerCalls(database)).toBe(sum(Object.values(EXECUTED)));
    checkDurations(run, result);
    checkPool(run, database, result);
    checkRequest(run, result);
    const errors = run.rows.filter(({ table }) => table === 'error_logs');
    expect(errors.map(({ columns }) => columns.context)).toEqual([
      '{"server":"127.0.0.1:1/hotel"}',
    ]);
    // The name of the missing column is a part of a statement.
    expect(JSON.stringify(run.rows).replaceAll('SELECT secret', '')).not.toContain('secret');
  }

  function writeProgram(variant: Variant): string | Promise<string> {
    if (variant === 'CommonJS') return clients.writeScript();
    if (variant === 'ESM') return clients.writeModule('package');
    if (variant === 'TypeScript') return clients.writeModule('source');
    return clients.bundle(variant === 'ESM bundle' ? 'esm' : 'cjs');
  }
});

/** Returns how many statements the server executed in a database. It doesn't count failed ones. */
async function readServerCalls(database: string): Promise<number> {
  const [row] = await databases.sql(`SELECT sum(calls) AS calls FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = '${database}')`);
  return Number(row?.calls);
}

function checkDurations({ rows }: MeasuredProgram, { sleepMs, wallMs }: ProgramResult): void {
  const { 'SELECT pg_sleep(?)': sleep, ...others } = sumCommands(rows, 'postgresql');
  // Six statements of 40 ms on two connections.
  expect(sleep?.durationMs).toBeGreaterThanOrEqual(6 * 39.5);
  expect(sleep?.durationMs).toBeLessThanOrEqual(2 * sleepMs);
  // All other statements run one after the other.
  const otherMs = sum(Object.values(others).map(({ durationMs }) => durationMs));
  expect(otherMs).toBeGreaterThan(0);
  expect(otherMs).toBeLessThanOrEqual(wallMs - sleepMs);
}

function checkPool(
  { rows }: MeasuredProgram,
  database: string,
  { connections }: ProgramResult,
): void {
  expect(connections).toEqual({
    busy: { used: 2, idle: 0, max: 2, pending_requests: 3 },
    idle: { used: 0, idle: 2, max: 2, pending_requests: 0 },
  });
  const waits = findRows(rows, 'db.client.connection.wait_time');
  expect(waits.map(({ endpoint }) => endpoint?.endsWith(`/${database}`))).toEqual([true]);
  expect(sum(waits.map(({ count }) => Number(count)))).toBe(CONNECTION_WAITS);
  // Two callers wait for 40 ms, and two for 80 ms.
  expect(sum(waits.map((wait) => Number(wait.sum)))).toBeGreaterThanOrEqual(6 * 39);
}

function checkRequest({ rows }: MeasuredProgram, { statements }: ProgramResult): void {
  const [request] = findRows(rows, 'http.server.request.duration');
  expect(Number(request?.database_calls)).toBe(statements);
  expect(Number(request?.database_time)).toBeGreaterThan(0);
  expect(Number(request?.database_time)).toBeLessThan(Number(request?.duration));
  const repeated = findRows(rows, 'perfscope.request.repeated_statements');
  expect(repeated.map((row) => [row.operation, Number(row.value)])).toEqual([
    [FIND_UNIQUE, statements],
  ]);
}

/** Returns the rows of a metric, without the rows of its histogram. */
function findRows(rows: MeasuredProgram['rows'], name: string) {
  return rows
    .map(({ columns }) => columns)
    .filter((columns) => columns.name === name && columns.sum !== undefined);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
