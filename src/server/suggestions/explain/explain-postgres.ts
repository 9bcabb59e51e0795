import { createError, errorMessage } from '../../../core/perfscope-error.ts';
import { redact } from '../../../core/redact.ts';
import type { ExplainResult } from './explain-result.ts';
import {
  listPlanTables,
  type PlanNode,
  readPostgresPlan,
  type TableSize,
} from './postgres-plan.ts';

/** A statement with parameters that the text contains as `$1`, `$2`, …. */
export interface PlannedStatement {
  readonly text: string;
  readonly parameters: number;
}

const CONNECT_TIMEOUT_MS = 5000;
const STATEMENT_TIMEOUT_MS = 5000;
const LOCK_TIMEOUT_MS = 1000;
/** PostgreSQL 16 can explain statements with parameters. */
const GENERIC_PLAN_VERSION = 160_000;
/** `plan_cache_mode` exists from this version on. */
const MIN_VERSION = 120_000;
/** Shown in `pg_stat_activity`. */
const APPLICATION_NAME = 'perfscope explain';
const PREPARED_NAME = 'explained_statement';
const MAX_REASON_LENGTH = 300;

/** Returns the statements that explain a statement without executing it. Each uses a plan for any parameters. */
export function createExplainStatements(
  { text, parameters }: PlannedStatement,
  serverVersion: number,
): string[] {
  if (serverVersion >= GENERIC_PLAN_VERSION) {
    return [`EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) ${text}`];
  }
  const values = Array.from({ length: parameters }, () => 'NULL').join(', ');
  return [
    'SET LOCAL plan_cache_mode = force_generic_plan',
    `PREPARE ${PREPARED_NAME} AS ${text}`,
    `EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE ${PREPARED_NAME}${parameters > 0 ? `(${values})` : ''}`,
  ];
}

/**
 * Explains a SELECT with PostgreSQL. Opens one connection, and closes it after the request. The statement is planned in a
 * read-only transaction with time limits, which is rolled back. It is never executed.
 *
 * @param url URL of the database. It never appears in a result or an error.
 * @throws PS_EXPLAIN_FAILED
 */
export async function explainWithPostgres(
  url: string,
  statement: PlannedStatement,
  now: () => number,
): Promise<ExplainResult> {
  const { default: pg } = await import('pg');
  const fail = (error: unknown) =>
    createError('PS_EXPLAIN_FAILED', { database: 'PostgreSQL', reason: describeError(error, url) });
  let client: InstanceType<typeof pg.Client>;
  try {
    client = new pg.Client({
      connectionString: url,
      application_name: APPLICATION_NAME,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: 2 * STATEMENT_TIMEOUT_MS,
    });
  } catch (error) {
    throw fail(error);
  }
  // Otherwise, a connection that the server closes would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SET default_transaction_read_only = on');
    await client.query('BEGIN TRANSACTION READ ONLY');
    await client.query(`SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    const { rows: settings } = await client.query<{ version: string; number: string }>(
      "SELECT current_setting('server_version') AS version, current_setting('server_version_num') AS number",
    );
    const version = settings[0]?.version.split(' ')[0] ?? 'unknown';
    const number = Number(settings[0]?.number ?? 0);
    if (number < MIN_VERSION) throw new Error(`version ${version} is older than 12`);
    let plan: PlanNode = {};
    for (const text of createExplainStatements(statement, number)) {
      const { rows } = await client.query<{ 'QUERY PLAN'?: { Plan?: PlanNode }[] }>(text);
      plan = rows[0]?.['QUERY PLAN']?.[0]?.Plan ?? plan;
    }
    const tables = listPlanTables(plan);
    const { rows: sizes } = await client.query<TableSize>(TABLE_SIZES, [
      tables.map(({ schema }) => schema),
      tables.map(({ name }) => name),
    ]);
    await client.query('ROLLBACK');
    const findings = readPostgresPlan(plan, sizes);
    return { database: 'postgresql', version, ...findings, atMs: now() };
  } catch (error) {
    throw fail(error);
  } finally {
    await client.end().catch(() => {});
  }
}

const TABLE_SIZES = `
  SELECT n.nspname AS schema, c.relname AS name, c.reltuples::float8 AS rows,
    coalesce(array_agg(pg_get_indexdef(x.indexrelid)) FILTER (WHERE x.indexrelid IS NOT NULL), '{}') AS indexes
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index x ON x.indrelid = c.oid AND x.indisvalid
  WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest($1::text[], $2::text[]))
  GROUP BY 1, 2, 3`;

/** Codes of errors about the user or the password. Their messages contain the name of the user. */
const ACCESS_CODES = new Set([
  '28000',
  '28P01',
  'ER_ACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
]);

/** Describes an error without credentials. */
export function describeError(error: unknown, url: string): string {
  const { code } = (error ?? {}) as { code?: unknown };
  if (ACCESS_CODES.has(String(code))) return 'it rejected the user or the password';
  const message = redact(errorMessage(error) || String(code ?? 'unknown error'), MAX_REASON_LENGTH);
  return hideCredentials(message, url);
}

function hideCredentials(message: string, url: string): string {
  if (!URL.canParse(url)) return message.replaceAll(url, '(hidden)');
  const { password, username } = new URL(url);
  return [url, password, decodeURIComponent(password), username, decodeURIComponent(username)]
    .filter((text) => text.length > 2)
    .reduce((text, secret) => text.replaceAll(secret, '(hidden)'), message);
}
