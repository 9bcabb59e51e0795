import type { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import {
  BUCKETS_TABLE,
  COUNT,
  METRICS_TABLE,
} from '../../src/storage/queries/aggregation-tables.ts';
import { TOTALS_AGGREGATIONS } from '../../src/storage/queries/operation-totals.ts';
import { type SelectSpec, selectOverRange, selectOverTime } from './select-metrics.ts';
import { INTERVAL_MS, quote } from './sql-text.ts';

/** A metric type with its filters and group columns. */
export interface MetricSelection extends Pick<SelectSpec, 'by' | 'keys' | 'range'> {
  readonly type: PerformanceMetricType;
}

const { count: amount, ...OTHERS } = TOTALS_AGGREGATIONS;
/** Renamed because QuestDB reads `count` as a function in a query with a join. */
const TOTALS = { amount, ...OTHERS };
/** Elapsed time of an interval, in seconds. The last interval has not ended yet. */
export const SECONDS = `(least(${INTERVAL_MS}, datediff('T', time, now()) + 1) / 1000.0)`;

function toSelectSpec({ type, ...rest }: MetricSelection): SelectSpec {
  return {
    ...rest,
    aggregations: TOTALS,
    conditions: [`metric_type = ${quote(type)}`, 'count > 0'],
  };
}

/** Selects the number (`amount`), `errors`, and the total, minimum, and maximum in ms for each interval. */
export function selectTotalsOverTime(selection: MetricSelection): string {
  return selectOverTime(METRICS_TABLE, toSelectSpec(selection));
}

/** Selects the number (`amount`), `errors`, and the total, minimum, and maximum in ms for the whole time range. */
export function selectTotalsOverRange(selection: MetricSelection): string {
  return selectOverRange(METRICS_TABLE, toSelectSpec(selection));
}

/** Selects histogram buckets: `bucket_upper` (ms) and `count`. */
export function selectBuckets(
  { type, keys = [], ...rest }: MetricSelection,
  select: typeof selectOverTime | typeof selectOverRange,
): string {
  return select(BUCKETS_TABLE, {
    aggregations: { count: COUNT },
    keys: [...keys, 'bucket_upper'],
    conditions: [`metric_type = ${quote(type)}`],
    ...rest,
  });
}
