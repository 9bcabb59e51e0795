import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { DAY_MS } from '../../core/duration.ts';
import {
  getRollupRetentionDays,
  type Retention,
  ROLLUP_UNITS,
  type RollupDefinition,
} from '../../core/schema/rollup-definitions.ts';
import { parseRollupHistory } from '../../core/schema/rollup-history.ts';
import { parseRollupUnit, parseRollupVersion } from '../../core/schema/rollup-names.ts';
import { type ExecOptions, execSql } from '../questdb/exec-sql-http.ts';

/** Longest partition of a roll-up. */
const MAX_PARTITION_MS = 7 * DAY_MS;

/** Times of the first and last row of a table, in ms since the epoch. Undefined if it has no rows. */
export interface RowTimes {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED */
export async function readRowTimes(
  target: WriteTarget,
  table: string,
  options: ExecOptions = {},
): Promise<RowTimes | undefined> {
  const statement = `SELECT min(timestamp), max(timestamp) FROM ${table}`;
  const [row = []] = (await execSql(target, statement, options)).dataset;
  const [first, last] = row;
  if (typeof first !== 'string' || typeof last !== 'string') return undefined;
  return { firstMs: Date.parse(first), lastMs: Date.parse(last) };
}

/**
 * Returns the end of the newest history of the kind `changed`, in ms since the epoch. The rows before this
 * time are still in the table, and its roll-ups must not contain them again. Undefined if there is none.
 *
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function readChangedUntilMs(
  target: WriteTarget,
  { table, units }: RollupDefinition,
  options: ExecOptions = {},
): Promise<number | undefined> {
  const unit = units[0];
  if (unit === undefined) return undefined;
  const { dataset } = await execSql(target, 'SELECT table_name FROM tables()', options);
  let untilMs: number | undefined;
  for (const [name] of dataset) {
    const history = parseRollupHistory(String(name));
    if (history?.kind !== 'changed') continue;
    if (parseRollupVersion(history.view, table.name, unit) === undefined) continue;
    const times = await readRowTimes(target, String(name), options);
    if (times) untilMs = Math.max(untilMs ?? 0, times.lastMs + ROLLUP_UNITS[unit].ms);
  }
  return untilMs;
}

/**
 * Deletes the intervals of histories that are older than the retention of their roll-up. QuestDB applies a
 * TTL only when rows are written, and nothing writes to a history.
 *
 * @param tables names of all tables
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function pruneRollupHistories(
  target: WriteTarget,
  tables: readonly string[],
  retention: Retention,
  nowMs: number,
): Promise<void> {
  for (const name of tables) {
    const unit = parseRollupUnit(parseRollupHistory(name)?.view ?? '');
    if (unit === undefined) continue;
    const times = await readRowTimes(target, name);
    const expiredMs = nowMs - getRollupRetentionDays(retention, unit) * DAY_MS;
    if (!times || times.lastMs < expiredMs - MAX_PARTITION_MS) {
      await execSql(target, `DROP TABLE IF EXISTS ${name}`);
    } else if (times.firstMs < expiredMs - MAX_PARTITION_MS) {
      // A partition is dropped if its start meets the condition.
      const until = new Date(expiredMs - MAX_PARTITION_MS).toISOString();
      await execSql(target, `ALTER TABLE ${name} DROP PARTITION WHERE timestamp < '${until}'`);
    }
  }
}
