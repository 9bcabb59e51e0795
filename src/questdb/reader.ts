import pg from 'pg';
import type { ReadTarget } from '../config/target.ts';
import { coded, reasonOf } from '../errors.ts';
import { OWN_APPLICATION_NAME } from '../schema/identity.ts';

export type Param = string | number | Date;
export type Row = Readonly<Record<string, unknown>>;

/** Runs one SELECT with bound parameters. */
export type Query = (sql: string, params?: readonly Param[]) => Promise<Row[]>;

const INT8_OID = 20;
const CONNECTIONS = 4;
const STATEMENT_TIMEOUT_MS = 30_000;

/** Reads QuestDB over the Postgres wire, as the user that may only read. */
export class Reader {
  #pool: pg.Pool | undefined;
  #target: ReadTarget;

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

  /**
   * @returns rows by column name; LONG is a number, timestamps are Dates.
   * @throws PS_UNAVAILABLE when QuestDB does not answer, or refuses the statement
   */
  readonly query: Query = async (sql, params = []) => {
    this.#pool ??= open(this.#target);
    try {
      const { rows } = await this.#pool.query(sql, [...params]);
      return rows as Row[];
    } catch (error) {
      throw coded('PS_UNAVAILABLE', { reason: reasonOf(error) }, error);
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
    connectionTimeoutMillis: 5000,
    query_timeout: STATEMENT_TIMEOUT_MS,
    types: { getTypeParser },
  });
  // An idle connection that breaks is replaced by the next query; unheard it would end the process.
  pool.on('error', () => {});
  return pool;
}

/** LONG comes as text because it may exceed a double; counts of ours never do. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === INT8_OID) return Number;
  return pg.types.getTypeParser(oid, format as 'text');
}
