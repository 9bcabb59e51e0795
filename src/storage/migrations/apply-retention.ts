import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import {
  getRollupRetentionDays,
  type Retention,
  ROLLUP_DEFINITIONS,
} from '../../core/schema/rollup-definitions.ts';
import { parseRollupHistory } from '../../core/schema/rollup-history.ts';
import { parseRollupVersion } from '../../core/schema/rollup-names.ts';
import { formatRollupTtl } from '../../core/schema/rollup-sql.ts';
import { MEASUREMENT_TABLES } from '../../core/schema/table-registry.ts';
import { execSql } from '../questdb/exec-sql-http.ts';

const TTL_QUERY = 'SELECT table_name, matView, ttlValue, ttlUnit, id FROM tables()';
const DAYS_PER_WEEK = 7;

/**
 * Sets the TTL of all measurement tables and roll-ups to `retention`. Skips TTLs that are already
 * correct.
 *
 * @param known IDs of tables to skip. The IDs of all other tables are added. A table that is created
 * again has a new ID.
 * @returns names of the tables and roll-ups whose TTL was changed
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function applyRetention(
  target: WriteTarget,
  retention: Retention,
  known = new Set<number>(),
): Promise<string[]> {
  const { dataset } = await execSql(target, TTL_QUERY);
  const expectedTtls = getExpectedTtls(
    dataset.map(([name]) => String(name)),
    retention,
  );
  const changed: string[] = [];
  for (const [name, isView, value, unit, id] of dataset) {
    const ttl = expectedTtls.get(String(name));
    if (ttl === undefined || known.has(Number(id))) continue;
    if (ttl !== `${value} ${unit}`) {
      const kind = isView === true ? 'MATERIALIZED VIEW' : 'TABLE';
      await execSql(target, ['ALTER', kind, String(name), 'SET TTL', ttl].join(' '));
      changed.push(String(name));
    }
    known.add(Number(id));
  }
  return changed;
}

/**
 * Returns the TTL that each measurement table and roll-up should have, in the form in which QuestDB
 * lists it: `30 DAY` or `2 WEEK`.
 *
 * @param names names of stored tables and roll-ups; other tables are ignored
 */
export function getExpectedTtls(
  names: readonly string[],
  retention: Retention,
): Map<string, string> {
  const ttls = new Map<string, string>();
  for (const name of names) {
    if (MEASUREMENT_TABLES.some((table) => table.name === name)) {
      ttls.set(name, normalizeTtl(`${retention.rawDays} DAY`));
    }
    for (const { table, units } of ROLLUP_DEFINITIONS) {
      for (const unit of units) {
        const view = parseRollupHistory(name)?.view ?? name;
        if (parseRollupVersion(view, table.name, unit) === undefined) continue;
        const days = getRollupRetentionDays(retention, unit);
        ttls.set(name, normalizeTtl(formatRollupTtl(unit, days)));
      }
    }
  }
  return ttls;
}

/** QuestDB lists whole weeks as `WEEK`, even if the TTL was set in days. */
function normalizeTtl(ttl: string): string {
  const [amount, unit] = ttl.split(' ');
  const days = Number(amount);
  return unit === 'DAY' && days % DAYS_PER_WEEK === 0 ? `${days / DAYS_PER_WEEK} WEEK` : ttl;
}
