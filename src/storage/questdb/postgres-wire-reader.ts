import type { Duplex } from 'node:stream';
import pg from 'pg';
import type { ReadTarget } from '../../core/config/questdb-targets.ts';
import { guard } from '../../core/guard.ts';
import { createError, errorMessage, PerfscopeError } from '../../core/perfscope-error.ts';
import { PERFSCOPE_APPLICATION_NAME } from '../../core/schema/row-ids.ts';
import type { TenantScope } from '../../core/tenant-scope.ts';
import { type Param, renderSql, type Sql } from '../sql/sql-builder.ts';
import type { ColumnBuffers, ColumnRows } from './column-rows.ts';
import { getQueryCaller, type QueryAudience } from './query-caller.ts';
import { QueryScheduler } from './query-scheduler.ts';

/**
 * Maximum number of statement names. For each name and connection, QuestDB keeps a plan of about 35
 * kB.
 */
const MAX_NAMES = 150;
/** Number of statements to remember after their first use. */
const MAX_SEEN_TEXTS = 1000;

/**
 * Assigns names to repeated statements. QuestDB compiles a named statement only once per
 * connection. Compiling a statement takes longer than running it. QuestDB keeps no plans for
 * unnamed statements.
 */
export class StatementNames {
  readonly #seen = new Set<string>();
  readonly #names = new Map<string, string>();

  /**
   * Returns the name of a statement, starting with its second use.
   *
   * @returns `undefined` on the first use, or if the maximum number of names is reached
   */
  getName(text: string): string | undefined {
    const name = this.#names.get(text);
    if (name !== undefined) return name;
    if (this.#names.size >= MAX_NAMES) return undefined;
    if (!this.#seen.delete(text)) {
      if (this.#seen.size >= MAX_SEEN_TEXTS) this.#seen.clear();
      this.#seen.add(text);
      return undefined;
    }
    const newName = `s${this.#names.size}`;
    this.#names.set(text, newName);
    return newName;
  }
}

export type Row = Readonly<Record<string, unknown>>;

/**
 * Runs one SELECT and returns only the rows that are visible in `scope`. LONG values are numbers,
 * and timestamps are `Date` objects.
 *
 * @param revision revision of the data; a cached result for the same revision can be reused
 * @throws PS_UNAVAILABLE if QuestDB does not respond or rejects the statement
 * @throws PS_QUERY_TOO_LONG if the query times out
 */
export type ReadRows = (
  scope: TenantScope,
  statement: Sql,
  revision?: string,
) => Promise<readonly Row[]>;

/**
 * Same as {@link ReadRows}, but returns columns of numbers, without a cache. Large results are several times faster.
 *
 * @param keyCount number of columns at the start of the row that are texts. All others must be numbers or timestamps.
 * @param buffers memory for the result. Default: new memory.
 */
export type ScanRows = (
  scope: TenantScope,
  statement: Sql,
  keyCount: number,
  buffers?: ColumnBuffers,
) => Promise<ColumnRows>;

const NO_ROWS: ColumnRows = {
  length: 0,
  keys: [],
  keyIndexes: new Uint32Array(),
  columns: [],
  release: () => {},
};

const INT8_OID = 20;
const TIMESTAMP_OID = 1114;
const MAX_CONNECTIONS = 6;
/** Alert rules and other internal queries always find a free connection. */
const MAX_API_QUERIES = MAX_CONNECTIONS - 1;
/** Maximum wait for a new or free connection. Concurrent queries wait for each other. */
const CONNECT_TIMEOUT_MS = 15_000;
/**
 * QuestDB cancels a query after its `query.timeout`. This limit applies if QuestDB doesn't respond.
 */
const QUERY_TIMEOUT_MS = 35_000;

/** Reads from QuestDB over the PostgreSQL wire protocol, as the read-only user. */
export class QuestdbReader {
  #pool: pg.Pool | undefined;
  #target: ReadTarget;
  readonly #statementNames = new StatementNames();
  readonly #scheduler = new QueryScheduler({
    maxQueries: MAX_API_QUERIES,
    maxWaitMs: CONNECT_TIMEOUT_MS,
  });

  constructor(target: ReadTarget) {
    this.#target = target;
  }

  /** Switches to another address, for example after QuestDB restarted on other ports. */
  async setTarget(target: ReadTarget): Promise<void> {
    const old = this.#pool;
    this.#target = target;
    this.#pool = undefined;
    await old?.end();
  }

  /**
   * Same as {@link ReadRows}.
   *
   * @param audience the requests that wait for the query. Default: the current request. The query is
   * canceled if all clients disconnect.
   * @throws PS_TOO_MANY_OPEN if the caller runs too many queries at the same time
   */
  readonly read = async (
    scope: TenantScope,
    statement: Sql,
    _revision?: string,
    audience?: QueryAudience,
  ): Promise<readonly Row[]> => {
    const rendered = renderSql(statement, scope);
    if (!rendered) return [];
    const { text, params } = rendered;
    const name = this.#statementNames.getName(text);
    const query = { text, values: params.map(toParamText), ...(name ? { name } : {}) };
    const { rows } = await this.#run(audience, (client) => client.query(query));
    return rows as Row[];
  };

  /** Same as {@link ScanRows}. */
  readonly scan: ScanRows = async (scope, statement, keyCount, buffers) => {
    const rendered = renderSql(statement, scope);
    if (!rendered) return NO_ROWS;
    const values = rendered.params.map((param) => String(toParamText(param)));
    // The agent never scans, so its process doesn't load this code.
    const { runBinaryQuery } = await import('./binary-query.ts');
    return this.#run(undefined, (client) =>
      withTimeout(
        client,
        runBinaryQuery(client, { text: rendered.text, values, keyCount, buffers }),
      ),
    );
  };

  async #run<T>(
    audience: QueryAudience | undefined,
    query: (client: pg.PoolClient) => Promise<T>,
  ): Promise<T> {
    try {
      const caller = getQueryCaller();
      const signal = audience?.signal ?? caller?.signal;
      return await this.#scheduler.run(caller, signal, () => {
        if (audience) audience.hasStarted = true;
        return this.#runQuery(query, signal);
      });
    } catch (error) {
      if (error instanceof PerfscopeError) throw error;
      const reason = errorMessage(error);
      if (/timeout, query aborted|Query read timeout/i.test(reason)) {
        throw createError('PS_QUERY_TOO_LONG', {}, error);
      }
      throw createError('PS_UNAVAILABLE', { reason }, error);
    }
  }

  /** If `signal` is aborted, closes the connection, because QuestDB then cancels the query. */
  async #runQuery<T>(
    query: (client: pg.PoolClient) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    this.#pool ??= createPool(this.#target);
    const client = await this.#pool.connect();
    // The query also rejects. Without a listener, a broken connection would crash the process.
    const onError = guard('the queries', () => {});
    client.on('error', onError);
    let isReleased = false;
    const release = (isBroken: boolean) => {
      signal?.removeEventListener('abort', cancel);
      if (isReleased) return;
      isReleased = true;
      // From here on, the pool handles errors.
      client.release(isBroken);
      client.off('error', onError);
    };
    const cancel = guard('the queries', () => release(true));
    if (signal?.aborted) {
      release(false);
      throw new Error('the client has disconnected');
    }
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const result = await query(client);
      release(false);
      return result;
    } catch (error) {
      release(true);
      throw error;
    }
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.end();
  }
}

function createPool(target: ReadTarget): pg.Pool {
  const pool = new pg.Pool({
    ...target,
    application_name: PERFSCOPE_APPLICATION_NAME,
    max: MAX_CONNECTIONS,
    allowExitOnIdle: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    types: { getTypeParser },
  });
  // Without a listener, a broken idle connection would crash the process. The next query replaces
  // it.
  pool.on('error', () => {});
  return pool;
}

/** Closes the connection if a query takes too long. `pg` does the same for its own queries. */
async function withTimeout<T>(client: pg.PoolClient, result: Promise<T>): Promise<T> {
  const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection;
  let isExpired = false;
  const expire = guard('the queries', () => {
    isExpired = true;
    stream.destroy();
  });
  const timer = setTimeout(expire, QUERY_TIMEOUT_MS);
  try {
    return await result;
  } catch (error) {
    if (isExpired) throw new Error('Query read timeout', { cause: error });
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Formats dates in UTC, because the driver would use the process's time zone. */
function toParamText(param: Param): Param {
  return param instanceof Date ? param.toISOString() : param;
}

/**
 * Parses LONG values as numbers and timestamps as UTC. By default, the driver returns LONG as text,
 * because a LONG can exceed a double's exact integer range. Perfscope's counts never do. The driver
 * would also read timestamps in the process's time zone, because QuestDB sends them without one.
 */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === INT8_OID) return Number;
  if (oid === TIMESTAMP_OID) return parseTimestamp;
  return pg.types.getTypeParser(oid, format as 'text');
}

/** Year, month, day, hour, minute, second, and milliseconds in a text such as `2026-11-02 09:00:00.123456`. */
const TIMESTAMP_LENGTH = '2026-11-02 09:00:00.123456'.length;

/** Parses a timestamp as UTC. Large results have millions of them, and the parser of `Date` takes several µs. */
export function parseTimestamp(text: string): Date {
  if (text.length !== TIMESTAMP_LENGTH) return new Date(`${text.replace(' ', 'T')}Z`);
  const digits = (from: number, to: number) => {
    let number = 0;
    for (let i = from; i < to; i++) number = 10 * number + text.charCodeAt(i) - 48;
    return number;
  };
  const time = Date.UTC(digits(0, 4), digits(5, 7) - 1, digits(8, 10));
  const seconds = 3600 * digits(11, 13) + 60 * digits(14, 16) + digits(17, 19);
  return new Date(time + 1000 * seconds + digits(20, 23));
}

/**
 * Returns whether an error came from QuestDB itself and not from a failed connection. Errors of the
 * PostgreSQL wire protocol have a severity.
 */
export function isQuestdbError(error: unknown): boolean {
  if (!(error instanceof PerfscopeError)) return true;
  if (error.code !== 'PS_UNAVAILABLE' && error.code !== 'PS_QUERY_TOO_LONG') return true;
  const { cause } = error;
  return typeof cause === 'object' && cause !== null && 'severity' in cause;
}
