import { MAX_ROWS } from './metric-queries.ts';
import { selectPercentiles } from './percentile-queries.ts';
import { selectOverRange } from './select-metrics.ts';
import { LENGTH_MS } from './table-parts.ts';
import { type MetricSelection, selectBuckets, selectTotalsOverRange } from './total-queries.ts';

const TENANT = ['organization_id', 'property_id'] as const;

/** Who uses how much, and how well it goes for them: the greatest share of time first. */
export function selectTenants(asked: MetricSelection): string {
  const keys = [...TENANT];
  const spread = selectPercentiles(selectBuckets({ ...asked, keys }, selectOverRange), keys, {
    p95: 0.95,
  });
  // NULL equals NULL in QuestDB.
  const same = keys.map((key) => `w.${key} = p.${key}`).join(' AND ');
  return `SELECT coalesce(w.organization_id, '(none)') AS "Organization", coalesce(w.property_id, '(none)') AS "Property",
  amount AS "Requests", 1000.0 * amount / ${LENGTH_MS} AS "Per second", 100.0 * total / everything AS "Share of time",
  total / amount AS "Average", p95 AS "p95", errors AS "Failed requests", 100.0 * errors / amount AS "Failed"
FROM (SELECT *, sum(total) OVER () AS everything FROM ${selectTotalsOverRange({ ...asked, keys })}) w LEFT JOIN ${spread} p ON ${same} ORDER BY "Share of time" DESC LIMIT ${MAX_ROWS}`;
}

/** The tenants whose requests fail most. */
export function selectFailingTenants(asked: MetricSelection): string {
  return `SELECT coalesce(organization_id, '(none)') AS "Organization", 100.0 * errors / amount AS "Failed", total / amount AS "Average", amount AS "Requests"
FROM ${selectTotalsOverRange({ ...asked, keys: ['organization_id'] })} ORDER BY "Failed" DESC, "Average" DESC LIMIT ${MAX_ROWS}`;
}
