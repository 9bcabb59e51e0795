import { COVERAGE_METRIC } from '../../src/core/coverage-metric.ts';
import { METRICS_TABLE } from '../../src/storage/queries/aggregation-tables.ts';
import { toConditions } from './select-metrics.ts';
import { FROM, quote, TO } from './sql-text.ts';

/** Selects the libraries of each service, and how many of its processes measure them. Processes have no tenants. */
export function selectCoverage(): string {
  const conditions = [
    `timestamp >= ${FROM}`,
    `timestamp < ${TO}`,
    `name = ${quote(COVERAGE_METRIC)}`,
    ...toConditions(METRICS_TABLE, ['service', 'environment']),
  ].join(' AND ');
  const keys = 'service, service_version, endpoint, operation';
  const latest = `(SELECT ${keys}, instance, last(value) AS measured, last(tags) AS tags FROM ${METRICS_TABLE.table} WHERE ${conditions} GROUP BY ${keys}, instance)`;
  return `SELECT service AS "Service", service_version AS "Version", endpoint AS "Library", operation AS "Library version", sum(measured) AS "Measured", count() - sum(measured) AS "Not measured", json_extract(max(tags), '$.reason')::varchar AS "Reason"
FROM ${latest} GROUP BY ${keys} ORDER BY "Not measured" DESC, "Service", "Library"`;
}
