import pg from 'pg';
import type { ReadTarget } from '../../core/config/questdb-targets.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { PERFSCOPE_APPLICATION_NAME } from '../../core/schema/row-ids.ts';
import { createRejectedSqlError, toReadOnlySql } from './check-user-sql.ts';

export interface UserQueryOptions {
  /** Maximum number of rows. */
  readonly limit: number;
  readonly timeoutMs: number;
}

export interface UserQueryResult {
  readonly columns: readonly string[];
  /** Whether each column contains text rather than numbers. */
  readonly isText: readonly boolean[];
  /** Timestamps are ISO 8601 strings with full precision. LONG values beyond 2^53 are strings. */
  readonly rows: readonly (readonly unknown[])[];
  /** Whether the query has more rows than the limit. */
  readonly isTruncated: boolean;
}

const TYPE_OIDS = { long: 20, timestamp: 1114 } as const;
const CONNECT_TIMEOUT_MS = 5000;

/**
 * Runs a statement written by a user, as QuestDB's read-only user. The statement can read the rows
 * of all tenants, so call this only for administrators.
 *
 * @throws PS_SQL_REFUSED if the statement is not a read-only SELECT or QuestDB rejects it
 * @throws PS_QUERY_TOO_LONG if it takes longer than `timeoutMs`
 * @throws PS_UNAVAILABLE if QuestDB can't be reached
 */
export async function runUserQuery(
  target: ReadTarget,
  text: string,
  { limit, timeoutMs }: UserQueryOptions,
): Promise<UserQueryResult> {
  // Only a SELECT is valid inside parentheses, even if the check missed something.
  const limited = `SELECT * FROM (${toReadOnlySql(text)}) LIMIT ${limit + 1}`;
  const client = new pg.Client({
    ...target,
    application_name: PERFSCOPE_APPLICATION_NAME,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: timeoutMs,
    types: { getTypeParser },
  });
  // The query rejects with the same error. Without a listener, the event would crash the process.
  client.on('error', () => {});
  let isConnected = false;
  try {
    await client.connect();
    isConnected = true;
    const { fields, rows } = await client.query<unknown[]>({ text: limited, rowMode: 'array' });
    const columns = fields.map(({ name }) => name);
    const isText = fields.map(({ dataTypeID }) => dataTypeID !== TYPE_OIDS.long);
    return { columns, isText, rows: rows.slice(0, limit), isTruncated: rows.length > limit };
  } catch (error) {
    throw toQueryError(error, text, isConnected);
  } finally {
    // QuestDB cancels a running query when its connection is closed.
    if (isConnected) void client.end().catch(() => {});
  }
}

function toQueryError(error: unknown, source: string, isConnected: boolean) {
  const reason = errorMessage(error);
  if (/timeout, query aborted|Query read timeout/i.test(reason)) {
    return createError('PS_QUERY_TOO_LONG', {}, error);
  }
  const isRejected = isConnected && error instanceof pg.DatabaseError;
  if (!isRejected) return createError('PS_UNAVAILABLE', { reason }, error);
  return createRejectedSqlError(reason, source, error);
}

function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === TYPE_OIDS.long) return parseLong;
  if (oid === TYPE_OIDS.timestamp) return (text: string) => `${text.replace(' ', 'T')}Z`;
  return pg.types.getTypeParser(oid, format as 'text');
}

function parseLong(text: string): number | string {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}
