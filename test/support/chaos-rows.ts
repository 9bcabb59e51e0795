import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WriteTarget } from '../../src/core/config/questdb-targets.ts';
import { execSql } from './exec-sql.ts';

/** The stored rows with one label. */
interface LabelRows {
  readonly rows: number;
  /** Number of different values. */
  readonly distinct: number;
  readonly largest: number;
}

/** The stored rows of a run by label. */
export type StoredRows = ReadonlyMap<string, LabelRows>;

/** Counts the rows of a run. */
export async function readStoredRows(target: WriteTarget, run: string): Promise<StoredRows> {
  const counts = await execSql(
    target,
    `SELECT operation, count(), count_distinct(value::long), max(value) FROM performance_metrics
     WHERE service = '${run}' AND metric_type = 'CUSTOM' AND operation IS NOT NULL`,
  );
  return new Map(
    counts.map(([label, rows, distinct, largest]) => [
      String(label),
      { rows: Number(rows), distinct: Number(distinct), largest: Number(largest) },
    ]),
  );
}

/** Returns the number of rows in the dead letters of a spool. */
export function countDeadLetters(spool: string): number {
  return [join(spool, 'dead-letters'), join(spool, 'server', 'dead-letters')]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .filter((file) => file.endsWith('.jsonl'))
    .map((file) => readFileSync(file, 'utf8').split('\n').filter(Boolean).length)
    .reduce((sum, count) => sum + count, 0);
}
