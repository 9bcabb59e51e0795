import pg from 'pg';
import type { ReadTarget } from '../config/target.ts';
import { coded, reasonOf } from '../errors.ts';
import { OWN_APPLICATION_NAME } from '../schema/identity.ts';
import { readOnly } from './read-only.ts';

export interface QueryOptions {
  /** Most rows of the answer. */
  readonly limit: number;
  readonly timeoutMs: number;
}

export interface QueryAnswer {
  readonly columns: readonly string[];
  /** Timestamps as ISO 8601 text with all their digits; a LONG beyond 2^53 as text. */
  readonly rows: readonly (readonly unknown[])[];
  /** Whether there are more rows than the limit. */
  readonly cut: boolean;
}

const TYPES = { long: 20, timestamp: 1114 } as const;
const CONNECT_WITHIN_MS = 5000;

/**
 * Runs a statement that somebody has typed, as the user that may only read. It sees every tenant's
 * rows: only an administrator may be let near it.
 *
 * @throws PS_SQL_REFUSED when it does anything but read tables, or QuestDB does not understand it;
 *   PS_QUERY_TOO_LONG, PS_UNAVAILABLE
 */
export async function typedQuery(
  target: ReadTarget,
  text: string,
  { limit, timeoutMs }: QueryOptions,
): Promise<QueryAnswer> {
  // Inside parentheses nothing but a SELECT is possible, whatever the check has overlooked.
  const limited = `SELECT * FROM (${readOnly(text)}) LIMIT ${limit + 1}`;
  const client = new pg.Client({
    ...target,
    application_name: OWN_APPLICATION_NAME,
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
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
    return { columns, rows: rows.slice(0, limit), cut: rows.length > limit };
  } catch (error) {
    throw failure(error, asked);
  } finally {
    // QuestDB ends the query of a connection that has gone.
    if (asked) void client.end().catch(() => {});
  }
}

function failure(error: unknown, asked: boolean) {
  const reason = reasonOf(error);
  if (/timeout, query aborted|Query read timeout/i.test(reason)) {
    return coded('PS_QUERY_TOO_LONG', {}, error);
  }
  const understood = !asked || !(error instanceof pg.DatabaseError);
  if (understood) return coded('PS_UNAVAILABLE', { reason }, error);
  return coded('PS_SQL_REFUSED', { reason: `QuestDB says "${reason}"` }, error);
}

function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === TYPES.long) return longOf;
  if (oid === TYPES.timestamp) return (text: string) => `${text.replace(' ', 'T')}Z`;
  return pg.types.getTypeParser(oid, format as 'text');
}

function longOf(text: string): number | string {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}
