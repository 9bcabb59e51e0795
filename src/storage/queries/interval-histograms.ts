import { MINUTE_MS } from '../../core/duration.ts';
import type { PerformanceMetricType } from '../../core/schema/enums.ts';
import type { IntervalHistogram } from '../../core/statistics/interval-sample.ts';
import type { Row } from '../questdb/postgres-wire-reader.ts';
import { type QueryClient, withoutCache } from '../questdb/query-client.ts';
import { inValues, type Sql, sql } from '../sql/sql-builder.ts';
import { BUCKETS_TABLE, COUNT, createSum, METRICS_TABLE } from './aggregation-tables.ts';
import { excludeOwnRequests } from './operation-totals.ts';
import type { Group, Query } from './query-definition.ts';
import { toNumber, toText } from './row-values.ts';
import { type QueryTable, runQuery, runRowQuery, toGroupColumn } from './run-query.ts';
import { ceilTo, floorTo, type TimeRange } from './time-range.ts';

/** Types of the durations that deploys are compared by. */
export const COMPARED_TYPES = [
  'API_RESPONSE_TIME',
  'DATABASE_QUERY_TIME',
  'OUTGOING_REQUEST_TIME',
  'QUEUE_PROCESSING_TIME',
  'QUEUE_WAIT_TIME',
] as const satisfies readonly PerformanceMetricType[];
export type ComparedType = (typeof COMPARED_TYPES)[number];

/** Dimensions that identify a series of a service. */
export const SERIES_DIMENSIONS = ['endpoint', 'operation', 'queueScope'] as const;

/** The histograms of a group in each interval that has measurements. */
export interface GroupHistograms {
  readonly type: ComparedType;
  readonly group: Group;
  readonly intervals: readonly IntervalHistogram[];
}

/** Conditions for the selected types. */
function toConditions({ filter }: Query, types: readonly ComparedType[]): Sql[] {
  return [inValues('metric_type', types), ...excludeOwnRequests(filter)];
}

interface MutableHistogram extends IntervalHistogram {
  count: number;
  errorCount: number;
  abortedCount: number;
  sum: number;
  buckets: number[];
}

/** Intervals have the same length in every time zone. */
interface SteppedQuery extends Omit<Query, 'step'> {
  readonly stepMs: number;
}

/** Parts of a range are read one after the other, because the rows need much more memory than the histograms. */
const MAX_PARTS = 12;
const MIN_PART_MS = 5 * MINUTE_MS;

/**
 * Returns histograms by type, group, and interval.
 *
 * @throws PS_REQUEST_TOO_LARGE, PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function queryIntervalHistograms(
  queryClient: QueryClient,
  query: SteppedQuery,
  types: readonly ComparedType[] = COMPARED_TYPES,
): Promise<GroupHistograms[]> {
  const collector = new HistogramCollector();
  for (const range of splitRange(query.range, query.stepMs))
    await collectHistograms(collector, withoutCache(queryClient), { ...query, range }, types);
  return collector.list();
}

/** Splits a range at whole steps. */
function splitRange({ fromMs, toMs }: TimeRange, stepMs: number): TimeRange[] {
  const partMs = ceilTo(Math.max(MIN_PART_MS, (toMs - fromMs) / MAX_PARTS), stepMs);
  const parts: TimeRange[] = [];
  for (let startMs = fromMs; startMs < toMs; ) {
    const endMs = Math.min(floorTo(startMs, stepMs) + partMs, toMs);
    parts.push({ fromMs: startMs, toMs: endMs });
    startMs = endMs;
  }
  return parts;
}

async function collectHistograms(
  collector: HistogramCollector,
  queryClient: QueryClient,
  { stepMs, ...query }: SteppedQuery,
  types: readonly ComparedType[],
): Promise<void> {
  const stepped = { ...query, step: { ms: stepMs, zone: 'utc' } };
  const conditions = toConditions(stepped, types);
  const [buckets, totals] = await Promise.all([
    runRowQuery(queryClient, BUCKETS_TABLE, stepped, {
      aggregations: { count: COUNT },
      keys: ['metric_type', 'bucket_upper'],
      conditions,
    }),
    runRowQuery(queryClient, METRICS_TABLE, stepped, {
      aggregations: TOTALS,
      keys: ['metric_type'],
      conditions,
    }),
  ]);
  const findForBucket = collector.createFinder(BUCKETS_TABLE, stepped);
  for (const row of buckets) {
    const bound = toNumber(row.bucket_upper) ?? 0;
    findForBucket(row).buckets.push(bound, toNumber(row.count) ?? 0);
  }
  const findForTotal = collector.createFinder(METRICS_TABLE, stepped);
  for (const row of totals) {
    const histogram = findForTotal(row);
    histogram.count = toNumber(row.count) ?? 0;
    histogram.errorCount = toNumber(row.errors) ?? 0;
    histogram.abortedCount = toNumber(row.aborted) ?? 0;
    histogram.sum = toNumber(row.total) ?? 0;
  }
}

/** The histograms that were read so far. There can be hundreds of thousands of rows, so each creates few objects. */
class HistogramCollector {
  readonly #groups = new Map<
    string,
    Omit<GroupHistograms, 'intervals'> & { readonly byTime: Map<number, MutableHistogram> }
  >();

  /** Returns a function that returns the histogram of a row. */
  createFinder(table: QueryTable, { groupBy = [] }: Query): (row: Row) => MutableHistogram {
    const columns = groupBy.map((name) => [name, toGroupColumn(table, name)] as const);
    return (row) => {
      let key = String(row.metric_type);
      for (const [, column] of columns) key += `\0${row[column] ?? ''}`;
      let group = this.#groups.get(key);
      if (!group) {
        const names = columns.map(([name, column]) => [name, toText(row[column])]);
        const type = toText(row.metric_type) as ComparedType;
        group = { type, group: Object.fromEntries(names), byTime: new Map() };
        this.#groups.set(key, group);
      }
      const atMs = (row.bucket as Date).getTime();
      const histogram = group.byTime.get(atMs) ?? createHistogram(atMs);
      group.byTime.set(atMs, histogram);
      return histogram;
    };
  }

  list(): GroupHistograms[] {
    return [...this.#groups.values()].map(({ byTime, ...group }) => ({
      ...group,
      intervals: [...byTime.values()].sort((a, b) => a.atMs - b.atMs),
    }));
  }
}

function createHistogram(atMs: number): MutableHistogram {
  return { atMs, count: 0, errorCount: 0, abortedCount: 0, sum: 0, buckets: [] };
}

const TOTALS = {
  count: COUNT,
  errors: createSum(sql`sum(error_count)`),
  aborted: createSum(sql`sum(aborted_count)`),
  total: createSum(sql`sum(sum)`),
} as const;

/** The number of measurements of a group. */
export interface GroupCount {
  readonly type: ComparedType;
  readonly group: Group;
  readonly count: number;
}

/** Returns the number of measurements by type and group, greatest first. */
export async function queryGroupCounts(
  queryClient: QueryClient,
  query: Query,
  types: readonly ComparedType[] = COMPARED_TYPES,
): Promise<GroupCount[]> {
  const results = await runQuery(queryClient, METRICS_TABLE, query, {
    aggregations: { count: COUNT },
    keys: ['metric_type'],
    conditions: toConditions(query, types),
  });
  return results
    .map(({ group, row }) => ({
      type: toText(row.metric_type) as ComparedType,
      group,
      count: toNumber(row.count) ?? 0,
    }))
    .sort((a, b) => b.count - a.count);
}
