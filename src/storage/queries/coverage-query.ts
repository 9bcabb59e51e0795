import { COVERAGE_METRIC } from '../../core/coverage-metric.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { fromHostTable, joinSql, sql } from '../sql/sql-builder.ts';
import { METRICS_TABLE } from './aggregation-tables.ts';
import type { Query } from './query-definition.ts';
import { toNumber, toText } from './row-values.ts';
import { toFilterConditions } from './run-query.ts';
import { getRowsRevision } from './time-range.ts';

/** In how many processes of one version of a service a library is measured. */
export interface ServiceCoverage {
  service: string;
  /** Version of the service. */
  version: string | undefined;
  library: string;
  libraryVersion: string | undefined;
  /** Number of processes that measure the library. */
  measured: number;
  /** Number of processes that have the library, but don't measure it. */
  unmeasured: number;
  /** Why processes don't measure the library. */
  reason: string | undefined;
}

/**
 * Returns the coverage that processes reported in the range, sorted by name. Processes don't belong to a tenant, so a
 * scope that is limited to a tenant gets no rows.
 */
export async function queryCoverage(
  queryClient: QueryClient,
  query: Query,
): Promise<ServiceCoverage[]> {
  const conditions = [
    sql`timestamp >= ${new Date(query.range.fromMs)}`,
    sql`timestamp < ${new Date(query.range.toMs)}`,
    sql`name = ${COVERAGE_METRIC}`,
    sql`test = false`,
    ...toFilterConditions(METRICS_TABLE, query),
  ];
  const rows = await queryClient.read(
    query.scope,
    sql`SELECT service, service_version, endpoint, operation, sum(measured) AS measured, count() AS processes,
      max(tags) AS tags FROM (
        SELECT service, service_version, instance, endpoint, operation, last(value) AS measured, last(tags) AS tags
        ${fromHostTable('performance_metrics')} AND ${joinSql(conditions, ' AND ')}
        GROUP BY service, service_version, instance, endpoint, operation)
      GROUP BY service, service_version, endpoint, operation
      ORDER BY service, service_version, endpoint, operation`,
    getRowsRevision(query.range),
  );
  return rows.map((row) => {
    const measured = toNumber(row.measured) ?? 0;
    const unmeasured = (toNumber(row.processes) ?? 0) - measured;
    return {
      service: toText(row.service) ?? '',
      version: toText(row.service_version),
      library: toText(row.endpoint) ?? '',
      libraryVersion: toText(row.operation),
      measured,
      unmeasured,
      reason: unmeasured > 0 ? parseReason(toText(row.tags)) : undefined,
    };
  });
}

/** Other programs can write rows, so the text can be anything. */
function parseReason(tags: string | undefined): string | undefined {
  try {
    const { reason } = JSON.parse(tags ?? '{}') as { reason?: unknown };
    return typeof reason === 'string' ? reason : undefined;
  } catch {
    return undefined;
  }
}
