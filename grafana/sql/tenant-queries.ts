import { MAX_ROWS, PER_MINUTE } from './metric-queries.ts';
import { selectPercentiles, toClampedSql } from './percentile-queries.ts';
import { selectOverRange } from './select-metrics.ts';
import { toName } from './sql-text.ts';
import {
  ABORTED_SHARE,
  ALL_COUNT,
  ERROR_RATE,
  type MetricSelection,
  selectBuckets,
  selectTotalsOverRange,
} from './total-queries.ts';

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
  return `SELECT ${toName('w.organization_id')} AS "Organization", ${toName('w.property_id')} AS "Property",
  ${ALL_COUNT} AS "Requests", ${PER_MINUTE} AS "Per minute", 100.0 * total / all_tenants AS "Share of time",
  total / amount AS "Average", ${toClampedSql('p.p95')} AS "p95", errors AS "Failed requests", ${ERROR_RATE} AS "Failed", ${ABORTED_SHARE} AS "Aborted"
FROM (SELECT *, sum(total) OVER () AS all_tenants, min(first) OVER () AS start FROM ${selectTotalsOverRange({ ...selection, keys })}) w LEFT JOIN ${percentiles} p ON ${sameTenant} ORDER BY coalesce(total, 0) DESC LIMIT ${MAX_ROWS}`;
}

/** Selects organizations, highest error rate first. */
export function selectFailingTenants(selection: MetricSelection): string {
  return `SELECT ${toName('organization_id')} AS "Organization", ${ERROR_RATE} AS "Failed", ${ABORTED_SHARE} AS "Aborted", total / amount AS "Average", ${ALL_COUNT} AS "Requests"
FROM ${selectTotalsOverRange({ ...selection, keys: ['organization_id'] })} ORDER BY coalesce(errors * 1.0 / amount, 0) DESC, "Average" DESC LIMIT ${MAX_ROWS}`;
}
