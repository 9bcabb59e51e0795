import { PerformanceMetricType } from '../../core/schema/enums.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { inValues, sql } from '../sql/sql-builder.ts';
import { MEASUREMENT_COUNT, METRICS_TABLE, VALUE_AGGREGATIONS } from './aggregation-tables.ts';
import { excludeOwnRequests } from './operation-totals.ts';
import type { Query } from './query-definition.ts';
import { toNumber, toText } from './row-values.ts';
import { type ResultRow, runQuery } from './run-query.ts';

/** A metric with measurements in a time range. Metrics with different units are different. */
export interface CatalogMetric {
  readonly metricType: PerformanceMetricType;
  readonly name: string | undefined;
  readonly unit: string | undefined;
  /** Number of measurements. Each sample of a gauge or counter is a measurement. */
  readonly count: number;
  /** Time of the newest row. */
  readonly lastSeen: Date;
  /** At most 20 services, sorted by number of measurements in descending order. */
  readonly services: readonly string[];
}

const MAX_SERVICES = 20;

/**
 * Returns the metrics with measurements in a time range, in no particular order. Samples of single requests, whose count
 * is 0, aren't measurements.
 *
 * @param metricTypes default: all metric types
 * @throws PS_REQUEST_TOO_LARGE
 */
export async function queryMetricCatalog(
  queryClient: QueryClient,
  query: Query,
  metricTypes?: readonly PerformanceMetricType[],
): Promise<CatalogMetric[]> {
  const results = await runQuery(
    queryClient,
    METRICS_TABLE,
    { ...query, groupBy: ['service'], step: undefined },
    {
      aggregations: { measurements: MEASUREMENT_COUNT, last_at: VALUE_AGGREGATIONS.last_at },
      keys: ['metric_type', 'name', 'unit'],
      conditions: [
        sql`metric_type IS NOT NULL`,
        ...(metricTypes ? [inValues('metric_type', metricTypes)] : []),
        ...excludeOwnRequests(query.filter),
      ],
    },
  );
  const byMetric = Map.groupBy(results, ({ row }) =>
    JSON.stringify([row.metric_type, row.name, row.unit]),
  );
  return [...byMetric.values()].flatMap(toCatalogMetric);
}

/** Merges the rows of a metric, one for each service. Rows of unknown metric types can't be queried. */
function toCatalogMetric(rows: readonly ResultRow[]): CatalogMetric[] {
  const { row } = rows[0]!;
  const metricType = toText(row.metric_type) ?? '';
  const services = rows
    .map((each) => ({ name: each.group.service, count: toNumber(each.row.measurements) ?? 0 }))
    .sort((a, b) => b.count - a.count);
  const count = services.reduce((sum, service) => sum + service.count, 0);
  if (!isMetricType(metricType) || count === 0) return [];
  const times = rows.map((each) => Number(each.row.last_at));
  return [
    {
      metricType,
      name: toText(row.name),
      unit: toText(row.unit),
      count,
      lastSeen: new Date(Math.max(...times)),
      services: services.flatMap(({ name }) => name ?? []).slice(0, MAX_SERVICES),
    },
  ];
}

function isMetricType(text: string): text is PerformanceMetricType {
  return Object.hasOwn(PerformanceMetricType, text);
}
