import pg from 'pg';
import type { ReadTarget } from '../config/target.ts';
import { coded, reasonOf } from '../errors.ts';
import { OWN_APPLICATION_NAME } from '../schema/identity.ts';
import type { Scope } from '../schema/scope.ts';
import { type Param, render, type Sql } from './statement.ts';
import { StatementNames } from './statement-names.ts';

export type Row = Readonly<Record<string, unknown>>;

/**
 * Runs one SELECT for whoever may see `scope`; a scope that shows nothing gives no rows. LONG is a
 * number, timestamps are Dates.
 *
 * @param state of what is read: an answer that was given in the same state may be given again
 * @throws PS_UNAVAILABLE when QuestDB does not answer, or refuses the statement; PS_QUERY_TOO_LONG
 */
export type Read = (scope: Scope, statement: Sql, state?: string) => Promise<readonly Row[]>;

const INT8_OID = 20;
const TIMESTAMP_OID = 1114;
const CONNECTIONS = 6;
/** A new connection, or a free one: when many ask at once, they wait for each other. */
const CONNECTED_WITHIN_MS = 15_000;
/** QuestDB ends a query after `query.timeout`; this is for one that does not answer at all. */
const NO_ANSWER_MS = 35_000;

/** Reads QuestDB over the Postgres wire, as the user that may only read. */
export class Reader {
  #pool: pg.Pool | undefined;
  #target: ReadTarget;
  readonly #names = new StatementNames();

  constructor(target: ReadTarget) {
    this.#target = target;
  }

  /** Reads from another address from now on, after a restart on other ports. */
  async moveTo(target: ReadTarget): Promise<void> {
    const old = this.#pool;
    this.#target = target;
    this.#pool = undefined;
    await old?.end();
  }

  readonly read: Read = async (scope, statement) => {
    const rendered = render(statement, scope);
    if (!rendered) return [];
    this.#pool ??= open(this.#target);
    try {
      const { text, params } = rendered;
      const name = this.#names.of(text);
      const values = params.map(asText);
      const { rows } = await this.#pool.query({ text, values, ...(name ? { name } : {}) });
      return rows as Row[];
    } catch (error) {
      const reason = reasonOf(error);
      if (/timeout, query aborted|Query read timeout/i.test(reason)) {
        throw coded('PS_QUERY_TOO_LONG', {}, error);
      }
      throw coded('PS_UNAVAILABLE', { reason }, error);
    }
  };

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.end();
  }
}

function open(target: ReadTarget): pg.Pool {
  const pool = new pg.Pool({
    ...target,
    application_name: OWN_APPLICATION_NAME,
    max: CONNECTIONS,
    allowExitOnIdle: true,
    connectionTimeoutMillis: CONNECTED_WITHIN_MS,
    query_timeout: NO_ANSWER_MS,
    types: { getTypeParser },
  });
  // An idle connection that breaks is replaced by the next query; unheard it would end the process.
  pool.on('error', () => {});
  return pool;
}

/** The driver would write a date in the process' own time zone. */
function asText(param: Param): Param {
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
