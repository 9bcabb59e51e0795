import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import type { Retention } from '../../core/schema/rollup-definitions.ts';
import { execSql } from '../questdb/questdb-http.ts';
import { getExpectedTtls } from './migrate.ts';

const TTL_QUERY = 'SELECT table_name, matView, ttlValue, ttlUnit FROM tables()';

/** Makes tables and roll-ups keep their rows as long as `retention` says, whatever it was before. */
export async function applyRetention(target: WriteTarget, retention: Retention): Promise<void> {
  const { dataset } = await execSql(target, TTL_QUERY);
  const wanted = getExpectedTtls(
    dataset.map(([name]) => String(name)),
    retention,
  );
  for (const [name, isView, value, unit] of dataset) {
    const ttl = wanted.get(String(name));
    if (ttl === undefined || ttl === `${value} ${unit}`) continue;
    const kind = isView === true ? 'MATERIALIZED VIEW' : 'TABLE';
    await execSql(target, ['ALTER', kind, String(name), 'SET TTL', ttl].join(' '));
  }
}
