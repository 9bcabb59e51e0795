import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WriteTarget } from '../../src/core/config/questdb-targets.ts';
import { execSql } from './exec-sql.ts';

/** The stored rows of a run by label: their number, and their different values. */
export type StoredRows = ReadonlyMap<string, { rows: number; values: Set<number> }>;

/** Reads the values of all rows of a run. */
export async function readStoredRows(target: WriteTarget, run: string): Promise<StoredRows> {
  const query = `SELECT operation, value FROM performance_metrics
    WHERE service = '${run}' AND metric_type = 'CUSTOM'`;
  const stored = new Map<string, { rows: number; values: Set<number> }>();
  for (const [operation, value] of await execSql(target, query)) {
    const label = String(operation);
    const found = stored.get(label) ?? { rows: 0, values: new Set() };
    found.rows++;
    found.values.add(Number(value));
    stored.set(label, found);
  }
  return stored;
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
