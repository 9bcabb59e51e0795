import pg from 'pg';
import type { ReadTarget } from '../../core/config/questdb-targets.ts';
import { createError, errorMessage } from '../../core/errors.ts';
import { PERFSCOPE_APPLICATION_NAME } from '../../core/schema/row-ids.ts';
import { toReadOnlySql } from './read-only-sql.ts';

export interface UserQueryOptions {
  /** Most rows of the answer. */
  readonly limit: number;
  readonly timeoutMs: number;
}

export interface UserQueryResult {
  readonly columns: readonly string[];
  /** Timestamps as ISO 8601 text with all their digits; a LONG beyond 2^53 as text. */
  readonly rows: readonly (readonly unknown[])[];
  /** Whether there are more rows than the limit. */
  readonly isTruncated: boolean;
}

const TYPE_OIDS = { long: 20, timestamp: 1114 } as const;
const CONNECT_TIMEOUT_MS = 5000;

/**
 * Runs a statement that somebody has typed, as the user that may only read. It sees every tenant's
 * rows: only an administrator may be let near it.
 *
 * @throws PS_SQL_REFUSED when it does anything but read tables, or QuestDB does not understand it;
 *   PS_QUERY_TOO_LONG, PS_UNAVAILABLE
 */
export async function runUserQuery(
  target: ReadTarget,
  text: string,
  { limit, timeoutMs }: UserQueryOptions,
): Promise<UserQueryResult> {
  // Inside parentheses nothing but a SELECT is possible, whatever the check has overlooked.
  const limited = `SELECT * FROM (${toReadOnlySql(text)}) LIMIT ${limit + 1}`;
  const client = new pg.Client({
    ...target,
    application_name: PERFSCOPE_APPLICATION_NAME,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: timeoutMs,
    types: { getTypeParser },
  });
  // Heard by the query as well; unheard here it would end the process.
  client.on('error', () => {});
  let asked = false;
  try {
    await client.connect();
    asked = true;
    const { fields, rows } = await client.query<unknown[]>({ text: limited, rowMode: 'array' });
    const columns = fields.map(({ name }) => name);
    return { columns, rows: rows.slice(0, limit), isTruncated: rows.length > limit };
  } catch (error) {
    throw toQueryError(error, asked);
  } finally {
    // QuestDB ends the query of a connection that has gone.
    if (asked) void client.end().catch(() => {});
  }
}

function toQueryError(error: unknown, asked: boolean) {
  const reason = errorMessage(error);
  if (/timeout, query aborted|Query read timeout/i.test(reason)) {
    return createError('PS_QUERY_TOO_LONG', {}, error);
  }
  const understood = !asked || !(error instanceof pg.DatabaseError);
  if (understood) return createError('PS_UNAVAILABLE', { reason }, error);
  return createError('PS_SQL_REFUSED', { reason: `QuestDB says "${reason}"` }, error);
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
