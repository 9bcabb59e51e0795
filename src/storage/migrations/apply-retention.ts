import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import {
  formatRollupTtl,
  getRollupRetentionDays,
  parseRollupVersion,
  type Retention,
  ROLLUP_DEFINITIONS,
} from '../../core/schema/rollup-definitions.ts';
import { execSql } from '../questdb/exec-sql-http.ts';

const TTL_QUERY = 'SELECT table_name, matView, ttlValue, ttlUnit FROM tables()';

/**
 * Sets the TTL of all measurement tables and roll-ups to `retention`. Skips TTLs that are already
 * correct.
 */
export async function applyRetention(target: WriteTarget, retention: Retention): Promise<void> {
  const { dataset } = await execSql(target, TTL_QUERY);
  const expectedTtls = getExpectedTtls(
    dataset.map(([name]) => String(name)),
    retention,
  );
  for (const [name, isView, value, unit] of dataset) {
    const ttl = expectedTtls.get(String(name));
    if (ttl === undefined || ttl === `${value} ${unit}`) continue;
    const kind = isView === true ? 'MATERIALIZED VIEW' : 'TABLE';
    await execSql(target, ['ALTER', kind, String(name), 'SET TTL', ttl].join(' '));
  }
}

/**
 * Returns the TTL that each measurement table and roll-up should have, for example `30 DAY`.
 *
 * @param names names of stored tables and roll-ups; other tables are ignored
 */
export function getExpectedTtls(
  names: readonly string[],
  retention: Retention,
  definitions = ROLLUP_DEFINITIONS,
): Map<string, string> {
  const ttls = new Map<string, string>();
  for (const { table, units } of definitions) {
    for (const name of names) {
      if (name === table.name) ttls.set(name, `${retention.rawDays} DAY`);
      for (const unit of units) {
        if (parseRollupVersion(name, table.name, unit) === undefined) continue;
        ttls.set(name, formatRollupTtl(unit, getRollupRetentionDays(retention, unit)));
      }
    }
  }
  return ttls;
}
