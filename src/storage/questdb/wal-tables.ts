import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { parseRollupHistory } from '../../core/schema/rollup-history.ts';
import { isMeasurementTableOrRollup, parseRollupUnit } from '../../core/schema/rollup-names.ts';
import { isTableName, MIGRATIONS_TABLE } from '../../core/schema/table-registry.ts';
import { type ExecOptions, execSql } from './exec-sql-http.ts';

/** The write-ahead log of a table or roll-up. */
export interface WalTable {
  readonly table: string;
  readonly suspended: boolean;
  /** Newest transaction that QuestDB has acknowledged. */
  readonly writtenTxn: number;
  /** Newest transaction that queries can see. */
  readonly appliedTxn: number;
  /** Why QuestDB suspended the table, as far as QuestDB reports it. */
  readonly reason: string;
}

const WAL_TABLES_QUERY =
  'SELECT name, suspended, sequencerTxn, writerTxn, errorTag, errorMessage FROM wal_tables()';

/**
 * Reads the state of Perfscope's tables and roll-ups. Ignores tables of users.
 *
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function readWalTables(
  target: WriteTarget,
  options: ExecOptions = {},
): Promise<WalTable[]> {
  const { dataset } = await execSql(target, WAL_TABLES_QUERY, options);
  return dataset
    .map(([name, suspended, written, applied, tag, message]) => ({
      table: String(name),
      suspended: suspended === true,
      writtenTxn: Number(written),
      appliedTxn: Number(applied),
      reason: [tag, message].filter(Boolean).join(': ') || 'unknown reason',
    }))
    .filter(({ table }) => isPerfscopeTable(table));
}

/** Returns whether the name belongs to a table or roll-up of Perfscope. */
export function isPerfscopeTable(name: string): boolean {
  return (
    isTableName(name) ||
    name === MIGRATIONS_TABLE ||
    isMeasurementTableOrRollup(name) ||
    parseRollupHistory(name) !== undefined
  );
}

/** Makes QuestDB apply the waiting transactions of a suspended table. No transaction is skipped. */
export async function resumeWal(
  target: WriteTarget,
  table: string,
  options: ExecOptions = {},
): Promise<void> {
  const kind = parseRollupUnit(table) === undefined ? 'TABLE' : 'MATERIALIZED VIEW';
  await execSql(target, `ALTER ${kind} ${table} RESUME WAL`, options);
}
