import type { QueryClient } from '../questdb/query-client.ts';
import { METRICS_TABLE, VALUE_AGGREGATIONS } from './aggregation-tables.ts';
import { type MetricSelector, toMetricConditions } from './operation-totals.ts';
import type { Group, Query } from './query-definition.ts';
import { toNumber } from './row-values.ts';
import { runQuery } from './run-query.ts';
import { getRunningRange } from './running-processes.ts';
import type { TimeRange } from './time-range.ts';

/** Values of a gauge, or the increase of a counter, in the metric's unit. */
export interface GaugePoint {
  group: Group;
  /** `undefined` if the query has no step. */
  bucket: TimeRange | undefined;
  /** The latest value. */
  last: number | undefined;
  /** Time of the latest value, in ms since the epoch. */
  lastAtMs: number;
  average: number | undefined;
  min: number | undefined;
  max: number | undefined;
  /** Sum of the values: for a counter, its increase. */
  sum: number | undefined;
  samples: number;
}

/** Returns the values of gauges and counters for each group and time bucket that has values. */
export async function queryGauges(
  queryClient: QueryClient,
  query: Query,
  selector: MetricSelector,
): Promise<GaugePoint[]> {
  const results = await runQuery(queryClient, METRICS_TABLE, query, {
    aggregations: VALUE_AGGREGATIONS,
    conditions: toMetricConditions(selector, query.filter),
  });
  return results.flatMap(({ group, bucket, row }) => {
    const samples = toNumber(row.samples) ?? 0;
    const sum = toNumber(row.value_total);
    if (samples === 0 || sum === undefined) return [];
    return {
      group,
      bucket,
      samples,
      sum,
      last: toNumber(row.last),
      lastAtMs: Number(row.last_at),
      average: sum / samples,
      min: toNumber(row.minimum),
      max: toNumber(row.maximum),
    };
  });
}

/**
 * Returns the gauges of processes that are running at the end of the range, with one value for each group.
 * Use this function for sums over processes.
 */
export async function queryRunningGauges(
  queryClient: QueryClient,
  query: Query,
  selector: MetricSelector,
): Promise<GaugePoint[]> {
  const range = getRunningRange(query);
  const gauges = await queryGauges(queryClient, { ...query, range, step: undefined }, selector);
  // A roll-up also contains the values before the range if the rows have expired.
  return gauges.filter(({ lastAtMs }) => lastAtMs >= range.fromMs);
}
