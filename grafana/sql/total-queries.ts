import type { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import { TOTALS_AGGREGATIONS } from '../../src/storage/queries/metric-totals.ts';
import { BUCKETS_TABLE, COUNT, METRICS_TABLE } from '../../src/storage/queries/query-tables.ts';
import { type SelectSpec, selectOverRange, selectOverTime } from './select-metrics.ts';
import { INTERVAL_MS, quote } from './sql-text.ts';

/** What is measured as single values or histograms, and by what it is narrowed and split. */
export interface MetricSelection extends Pick<SelectSpec, 'by' | 'keys' | 'range'> {
  readonly type: PerformanceMetricType;
}

const { count: amount, least: lowest, ...OTHERS } = TOTALS_AGGREGATIONS;
/** Other names, because beside a join QuestDB takes `count` and `least` for its functions. */
const TOTALS = { amount, lowest, ...OTHERS };
/** Of a bucket, how much of it has been: the last one is under way. */
export const SECONDS = `(least(${INTERVAL_MS}, datediff('T', time, now()) + 1) / 1000.0)`;

function toSelectSpec({ type, ...asked }: MetricSelection): SelectSpec {
  return { ...asked, figures: TOTALS, conditions: [`metric_type = ${quote(type)}`, 'count > 0'] };
}

/** `amount`, `errors`, `total`, `lowest` and `most` (ms) of each bucket of time. */
export function selectTotalsOverTime(asked: MetricSelection): string {
  return selectOverTime(METRICS_TABLE, toSelectSpec(asked));
}

/** The same of the whole range. */
export function selectTotalsOverRange(asked: MetricSelection): string {
  return selectOverRange(METRICS_TABLE, toSelectSpec(asked));
}

/** Buckets of the histograms: `bucket_upper` (ms) and `count`. */
export function selectBuckets(
  { type, keys = [], ...asked }: MetricSelection,
  over: typeof selectOverTime | typeof selectOverRange,
): string {
  return over(BUCKETS_TABLE, {
    figures: { count: COUNT },
    keys: [...keys, 'bucket_upper'],
    conditions: [`metric_type = ${quote(type)}`],
    ...asked,
  });
}
