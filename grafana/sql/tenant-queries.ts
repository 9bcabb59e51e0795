import { MAX_ROWS } from './metric-queries.ts';
import { selectPercentiles } from './percentile-queries.ts';
import { selectOverRange } from './select-metrics.ts';
import { LENGTH_MS } from './table-parts.ts';
import { type MetricSelection, selectBuckets, selectTotalsOverRange } from './total-queries.ts';

const TENANT = ['organization_id', 'property_id'] as const;

/** Selects usage, response times, and errors by tenant, largest share of time first. */
export function selectTenants(selection: MetricSelection): string {
  const keys = [...TENANT];
  const percentiles = selectPercentiles(
    selectBuckets({ ...selection, keys }, selectOverRange),
    keys,
    {
      p95: 0.95,
    },
  );
  // In QuestDB, NULL equals NULL.
  const sameTenant = keys.map((key) => `w.${key} = p.${key}`).join(' AND ');
  return `SELECT coalesce(w.organization_id, '(none)') AS "Organization", coalesce(w.property_id, '(none)') AS "Property",
  amount AS "Requests", 1000.0 * amount / ${LENGTH_MS} AS "Per second", 100.0 * total / all_tenants AS "Share of time",
  total / amount AS "Average", p95 AS "p95", errors AS "Failed requests", 100.0 * errors / amount AS "Failed"
FROM (SELECT *, sum(total) OVER () AS all_tenants FROM ${selectTotalsOverRange({ ...selection, keys })}) w LEFT JOIN ${percentiles} p ON ${sameTenant} ORDER BY "Share of time" DESC LIMIT ${MAX_ROWS}`;
}

/** Selects organizations, highest error rate first. */
export function selectFailingTenants(selection: MetricSelection): string {
  return `SELECT coalesce(organization_id, '(none)') AS "Organization", 100.0 * errors / amount AS "Failed", total / amount AS "Average", amount AS "Requests"
FROM ${selectTotalsOverRange({ ...selection, keys: ['organization_id'] })} ORDER BY "Failed" DESC, "Average" DESC LIMIT ${MAX_ROWS}`;
}
