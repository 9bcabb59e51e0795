import type { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import {
  BUCKETS_TABLE,
  COUNT,
  createColumnMax,
  createColumnSum,
  METRICS_TABLE,
} from '../../src/storage/queries/aggregation-tables.ts';
import { TOTALS_AGGREGATIONS } from '../../src/storage/queries/operation-totals.ts';
import { BREAKDOWN_AGGREGATIONS } from '../../src/storage/queries/request-breakdowns.ts';
import type { Aggregation } from '../../src/storage/queries/run-query.ts';
import { sql } from '../../src/storage/sql/sql-builder.ts';
import {
  type SelectSpec,
  selectByMinute,
  selectOverRange,
  selectOverTime,
} from './select-metrics.ts';
import { INTERVAL_MS, IS_NOT_OWN, quote, TO } from './sql-text.ts';
import { LENGTH_MS } from './table-parts.ts';

/** A metric type with its filters and group columns. */
export interface MetricSelection extends Pick<SelectSpec, 'by' | 'keys' | 'range'> {
  readonly type: PerformanceMetricType;
}

/** Time of the first measurement. In roll-ups, the start of its interval. */
export const FIRST: Aggregation = {
  rows: sql`min(timestamp)`,
  rollup: sql`min(timestamp)`,
  mergeWith: 'min',
};
const ERRORS = createColumnSum('error_count');
const { count: amount, ...OTHERS } = TOTALS_AGGREGATIONS;
/** Renamed because QuestDB reads `count` as a function in a query with a join. */
const TOTALS = {
  amount,
  ...OTHERS,
  aborted: createColumnSum('aborted_count'),
  first: FIRST,
};
const STATUS_TOTALS = {
  ...TOTALS,
  success: createColumnSum('count_2xx'),
  redirect: createColumnSum('count_3xx'),
  client_error: createColumnSum('count_4xx'),
  server_error: createColumnSum('count_5xx'),
};

/** Number of requests, including aborted requests. `amount` is only the number of finished requests. */
export const ALL_COUNT = '(amount + coalesce(aborted, 0))';
/** Percentage of finished requests or statements that failed. */
export const ERROR_RATE = '100.0 * errors / amount';
/** Percentage of requests that the client aborted. */
export const ABORTED_SHARE = `100.0 * coalesce(aborted, 0) / ${ALL_COUNT}`;

const SHORTEST_MS = 60_000;
/**
 * Part of the time range with data, in ms: from the first measurement to the end, and at least a minute.
 *
 * @param first SQL expression for the time of the first measurement
 */
export function toCoveredMs(first: string): string {
  return `least(${LENGTH_MS}, greatest(${SHORTEST_MS}, datediff('T', ${first}, least(${TO}, now()))))`;
}

/** Elapsed time of an interval, in seconds. The last interval has not ended yet. */
export const SECONDS = `(least(${INTERVAL_MS}, datediff('T', time, now()) + 1) / 1000.0)`;

/** Types of measurements that Perfscope's server also records about itself. */
const OWN_TYPES: ReadonlySet<PerformanceMetricType> = new Set([
  'API_RESPONSE_TIME',
  'API_STREAM_DURATION',
  'DATABASE_QUERY_TIME',
]);

function toSelectSpec({ type, ...rest }: MetricSelection): SelectSpec {
  return {
    ...rest,
    aggregations: TOTALS,
    conditions: [...toTypeConditions(type), '(count > 0 OR aborted_count > 0)'],
  };
}

function toTypeConditions(type: PerformanceMetricType): string[] {
  return [`metric_type = ${quote(type)}`, ...(OWN_TYPES.has(type) ? [IS_NOT_OWN] : [])];
}

/** Selects the same columns as `selectTotalsOverTime` for each minute, independent of the panel's interval. */
export function selectTotalsByMinute(selection: MetricSelection): string {
  return selectByMinute(METRICS_TABLE, toSelectSpec(selection));
}

/**
 * Selects the number of finished (`amount`), failed (`errors`), and `aborted` requests or statements, and the total,
 * minimum, and maximum in ms for each interval.
 */
export function selectTotalsOverTime(selection: MetricSelection): string {
  return selectOverTime(METRICS_TABLE, toSelectSpec(selection));
}

/** Selects the same columns as `selectTotalsOverTime`, and the number of requests by status code, for each interval. */
export function selectStatusesOverTime(selection: MetricSelection): string {
  return selectOverTime(METRICS_TABLE, { ...toSelectSpec(selection), aggregations: STATUS_TOTALS });
}

/** Selects the same columns as `selectTotalsOverTime` for the whole time range. */
export function selectTotalsOverRange(selection: MetricSelection): string {
  return selectOverRange(METRICS_TABLE, toSelectSpec(selection));
}

/**
 * Selects the same columns as `selectTotalsOverTime`, and the total (`first_byte`) and maximum (`first_byte_max`) time to
 * the first byte in ms, for the whole time range.
 */
export function selectFirstBytesOverRange(selection: MetricSelection): string {
  return selectOverRange(METRICS_TABLE, {
    ...toSelectSpec(selection),
    aggregations: {
      ...TOTALS,
      first_byte: createColumnSum('first_byte_sum'),
      first_byte_max: createColumnMax('first_byte_max'),
    },
  });
}

/** Selects the same columns as `selectTotalsOverTime`, and the sums of the parts of requests, for each interval. */
export function selectBreakdownsOverTime(selection: MetricSelection): string {
  return selectOverTime(METRICS_TABLE, {
    ...toSelectSpec(selection),
    aggregations: { ...TOTALS, ...BREAKDOWN_AGGREGATIONS },
  });
}

/** Selects the same columns as `selectBreakdownsOverTime` for the whole time range. */
export function selectBreakdownsOverRange(selection: MetricSelection): string {
  return selectOverRange(METRICS_TABLE, {
    ...toSelectSpec(selection),
    aggregations: { ...TOTALS, ...BREAKDOWN_AGGREGATIONS },
  });
}

/** Selects histogram buckets: `bucket_upper` (ms), `count`, and `errors`. */
export function selectBuckets(
  { type, keys = [], ...rest }: MetricSelection,
  select: typeof selectOverTime | typeof selectOverRange,
): string {
  return select(BUCKETS_TABLE, {
    aggregations: { count: COUNT, errors: ERRORS },
    keys: [...keys, 'bucket_upper'],
    conditions: toTypeConditions(type),
    ...rest,
  });
}
