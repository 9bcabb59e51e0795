import { createError } from '../../../core/perfscope-error.ts';
import { describeError, type PlannedStatement } from './explain-postgres.ts';
import type { ExplainResult } from './explain-result.ts';
import { readMysqlPlan } from './mysql-plan.ts';

const CONNECT_TIMEOUT_MS = 5000;
const STATEMENT_TIMEOUT_S = 5;
const LOCK_TIMEOUT_S = 1;

/**
 * Explains a SELECT without parameters with MySQL or MariaDB. Opens one connection, and closes it after the request. The
 * statement is planned in a read-only transaction with time limits, which is rolled back. It is never executed.
 *
 * @param url URL of the database. It never appears in a result or an error.
 * @throws PS_EXPLAIN_FAILED
 */
export async function explainWithMysql(
  url: string,
  { text }: PlannedStatement,
  now: () => number,
): Promise<ExplainResult> {
  const { createConnection } = await import('mysql2/promise');
  const fail = (error: unknown) =>
    createError('PS_EXPLAIN_FAILED', { database: 'MySQL', reason: describeError(error, url) });
  const query = (sql: string) => connection!.query({ sql, timeout: 2000 * STATEMENT_TIMEOUT_S });
  let connection: Awaited<ReturnType<typeof createConnection>> | undefined;
  try {
    connection = await createConnection({
      uri: url.replace(/^mariadb:/, 'mysql:'),
      connectTimeout: CONNECT_TIMEOUT_MS,
      multipleStatements: false,
    });
    const [versions] = await query('SELECT version() AS version');
    const version = String((versions as { version?: unknown }[])[0]?.version ?? 'unknown');
    await query('SET SESSION TRANSACTION READ ONLY');
    await query(`SET SESSION lock_wait_timeout = ${LOCK_TIMEOUT_S}`);
    await query(
      /mariadb/i.test(version)
        ? `SET SESSION max_statement_time = ${STATEMENT_TIMEOUT_S}`
        : `SET SESSION max_execution_time = ${1000 * STATEMENT_TIMEOUT_S}`,
    );
    await query('START TRANSACTION READ ONLY');
    const [rows] = await query(`EXPLAIN FORMAT=JSON ${text}`);
    await query('ROLLBACK');
    const json = Object.values((rows as Record<string, unknown>[])[0] ?? {})[0];
    const plan: unknown = typeof json === 'string' ? JSON.parse(json) : json;
    return { database: 'mysql', version, ...readMysqlPlan(plan), atMs: now() };
  } catch (error) {
    throw fail(error);
  } finally {
    connection?.destroy();
  }
}
