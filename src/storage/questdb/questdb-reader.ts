import pg from 'pg';
import type { ReadTarget } from '../../core/config/questdb-targets.ts';
import { createError, errorMessage, PerfscopeError } from '../../core/errors.ts';
import { PERFSCOPE_APPLICATION_NAME } from '../../core/schema/row-ids.ts';
import type { TenantScope } from '../../core/tenant-scope.ts';
import { type Param, renderSql, type Sql } from '../sql/sql-builder.ts';

/** Each has a compiled plan of some 35 KB in QuestDB, for each connection that has asked it. */
const MAX_NAMES = 150;
/** Texts that are remembered as asked once. */
const MAX_SEEN_TEXTS = 1000;

/**
 * Names for a reader's statements that are asked again and again: under a name QuestDB compiles a statement once per
 * connection, which takes longer than to answer it. It keeps no plans of statements without a name.
 */
export class StatementNames {
  readonly #seen = new Set<string>();
  readonly #names = new Map<string, string>();

  /** @returns undefined for a text that was not asked before, and when there are names enough */
  getName(text: string): string | undefined {
    const name = this.#names.get(text);
    if (name !== undefined) return name;
    if (this.#names.size >= MAX_NAMES) return undefined;
    if (!this.#seen.delete(text)) {
      if (this.#seen.size >= MAX_SEEN_TEXTS) this.#seen.clear();
      this.#seen.add(text);
      return undefined;
    }
    const made = `s${this.#names.size}`;
    this.#names.set(text, made);
    return made;
  }
}

export type Row = Readonly<Record<string, unknown>>;

/**
 * Runs one SELECT for whoever may see `scope`; a scope that shows nothing gives no rows. LONG is a
 * number, timestamps are Dates.
 *
 * @param state of what is read: an answer that was given in the same state may be given again
 * @throws PS_UNAVAILABLE when QuestDB does not answer, or refuses the statement; PS_QUERY_TOO_LONG
 */
export type ReadRows = (
  scope: TenantScope,
  statement: Sql,
  state?: string,
) => Promise<readonly Row[]>;

const INT8_OID = 20;
const TIMESTAMP_OID = 1114;
const MAX_CONNECTIONS = 6;
/** A new connection, or a free one: when many ask at once, they wait for each other. */
const CONNECT_TIMEOUT_MS = 15_000;
/** QuestDB ends a query after `query.timeout`; this is for one that does not answer at all. */
const QUERY_TIMEOUT_MS = 35_000;

/** Reads QuestDB over the Postgres wire, as the user that may only read. */
export class QuestdbReader {
  #pool: pg.Pool | undefined;
  #target: ReadTarget;
  readonly #statementNames = new StatementNames();

  constructor(target: ReadTarget) {
    this.#target = target;
  }

  /** Reads from another address from now on, after a restart on other ports. */
  async setTarget(target: ReadTarget): Promise<void> {
    const old = this.#pool;
    this.#target = target;
    this.#pool = undefined;
    await old?.end();
  }

  readonly read: ReadRows = async (scope, statement) => {
    const rendered = renderSql(statement, scope);
    if (!rendered) return [];
    this.#pool ??= createPool(this.#target);
    try {
      const { text, params } = rendered;
      const name = this.#statementNames.getName(text);
      const values = params.map(toParamText);
      const { rows } = await this.#pool.query({ text, values, ...(name ? { name } : {}) });
      return rows as Row[];
    } catch (error) {
      const reason = errorMessage(error);
      if (/timeout, query aborted|Query read timeout/i.test(reason)) {
        throw createError('PS_QUERY_TOO_LONG', {}, error);
      }
      throw createError('PS_UNAVAILABLE', { reason }, error);
    }
  };

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
  // An idle connection that breaks is replaced by the next query; unheard it would end the process.
  pool.on('error', () => {});
  return pool;
}

/** The driver would write a date in the process' own time zone. */
function toParamText(param: Param): Param {
  return param instanceof Date ? param.toISOString() : param;
}

/**
 * LONG comes as text because it may exceed a double; counts of ours never do. Timestamps are UTC and
 * do not say so, which the driver takes for the process' own time zone.
 */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === INT8_OID) return Number;
  if (oid === TIMESTAMP_OID) return (text: string) => new Date(`${text.replace(' ', 'T')}Z`);
  return pg.types.getTypeParser(oid, format as 'text');
}

/**
 * Whether an error of the reader is QuestDB's own answer to a statement, and not that there was
 * none: PostgreSQL's wire gives its errors a severity.
 */
export function isQuestdbError(error: unknown): boolean {
  if (!(error instanceof PerfscopeError)) return true;
  if (error.code !== 'PS_UNAVAILABLE' && error.code !== 'PS_QUERY_TOO_LONG') return true;
  const { cause } = error;
  return typeof cause === 'object' && cause !== null && 'severity' in cause;
}
