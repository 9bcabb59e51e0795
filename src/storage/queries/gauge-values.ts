import type { QueryClient } from '../questdb/query-client.ts';
import { type MetricSelector, toMetricConditions } from './metric-totals.ts';
import type { Group, Query } from './query.ts';
import type { TimeRange } from './query-range.ts';
import { METRICS_TABLE, VALUE_AGGREGATIONS } from './query-tables.ts';
import { toNumber } from './row-values.ts';
import { runQuery } from './run-query.ts';

/** A value that goes up and down, or the increase of a counter, in its own unit. */
export interface GaugePoint {
  group: Group;
  /** Of its bucket of time; undefined without a step. */
  bucket: TimeRange | undefined;
  /** The latest. */
  last: number | undefined;
  average: number | undefined;
  min: number | undefined;
  max: number | undefined;
  /** Of a counter: how much it has grown. */
  sum: number | undefined;
  samples: number;
}

/** The values of gauges and counters, for each group and bucket of time that has any. */
export async function queryGauges(
  store: QueryClient,
  question: Query,
  measured: MetricSelector,
): Promise<GaugePoint[]> {
  const answers = await runQuery(store, METRICS_TABLE, question, {
    aggregations: VALUE_AGGREGATIONS,
    conditions: toMetricConditions(measured),
  });
  return answers.flatMap(({ group, bucket: span, row }) => {
    const samples = toNumber(row.samples) ?? 0;
    const sum = toNumber(row.value_total);
    if (samples === 0 || sum === undefined) return [];
    return {
      group,
      bucket: span,
      samples,
      sum,
      last: toNumber(row.last),
      average: sum / samples,
      min: toNumber(row.least),
      max: toNumber(row.most),
    };
  });
}
