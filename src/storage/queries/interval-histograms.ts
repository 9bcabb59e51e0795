import { MINUTE_MS } from '../../core/duration.ts';
import type { PerformanceMetricType } from '../../core/schema/enums.ts';
import type { IntervalHistogram } from '../../core/statistics/interval-sample.ts';
import { ColumnBuffers, type ColumnRows } from '../questdb/column-rows.ts';
import type { QueryClient, ScanClient } from '../questdb/query-client.ts';
import { inValues, type Sql, sql } from '../sql/sql-builder.ts';
import { BUCKETS_TABLE, COUNT, createSum, METRICS_TABLE } from './aggregation-tables.ts';
import { excludeOwnRequests } from './operation-totals.ts';
import type { Dimension, Group, Query } from './query-definition.ts';
import { toNumber, toText } from './row-values.ts';
import {
  type QueryTable,
  runQuery,
  type Selection,
  scanQuery,
  toGroupColumn,
} from './run-query.ts';
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
 * @param buffers memory for the rows, which several calls can share
 * @throws PS_REQUEST_TOO_LARGE, PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function queryIntervalHistograms(
  client: ScanClient,
  query: SteppedQuery,
  types: readonly ComparedType[] = COMPARED_TYPES,
  buffers = new ColumnBuffers(),
): Promise<GroupHistograms[]> {
  const collector = new HistogramCollector();
  for (const range of splitRange(query.range, query.stepMs))
    await collectHistograms(collector, { client, buffers }, { ...query, range }, types);
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
  { client, buffers }: { readonly client: ScanClient; readonly buffers: ColumnBuffers },
  { stepMs, ...query }: SteppedQuery,
  types: readonly ComparedType[],
): Promise<void> {
  const stepped = { ...query, step: { ms: stepMs, zone: 'utc' } };
  const conditions = toConditions(stepped, types);
  const scan = (table: QueryTable, selection: Pick<Selection, 'aggregations' | 'keys'>) =>
    scanQuery(
      client,
      table,
      stepped,
      { ...selection, textKeys: ['metric_type'], conditions },
      buffers,
    );
  for (const rows of await scan(BUCKETS_TABLE, {
    aggregations: { count: COUNT },
    keys: ['bucket_upper'],
  })) {
    const find = collector.createFinder(BUCKETS_TABLE, stepped, rows);
    const [bounds, times, counts] = rows.columns as [Float64Array, Float64Array, Float64Array];
    for (let i = 0; i < rows.length; i++)
      find(i, times[i]!).buckets.push(bounds[i]! || 0, counts[i]! || 0);
    rows.release();
  }
  for (const rows of await scan(METRICS_TABLE, { aggregations: TOTALS })) {
    const find = collector.createFinder(METRICS_TABLE, stepped, rows);
    const [times, ...totals] = rows.columns;
    for (let i = 0; i < rows.length; i++) {
      const histogram = find(i, times![i]!);
      histogram.count += totals[0]![i]! || 0;
      histogram.errorCount += totals[1]![i]! || 0;
      histogram.abortedCount += totals[2]![i]! || 0;
      histogram.sum += totals[3]![i]! || 0;
    }
    rows.release();
  }
}

interface CollectedGroup extends Omit<GroupHistograms, 'intervals'> {
  readonly byTime: Map<number, MutableHistogram>;
}

/** The histograms that were read so far. */
class HistogramCollector {
  readonly #groups = new Map<string, CollectedGroup>();

  /** Returns a function that returns the histogram of a row. Its parameters are the row's index and time bucket. */
  createFinder(
    table: QueryTable,
    { groupBy = [] }: Query,
    { keys, keyIndexes }: ColumnRows,
  ): (row: number, atMs: number) => MutableHistogram {
    const columns = [...new Set(groupBy.map((name) => toGroupColumn(table, name)))];
    const groups = keys.map((texts) => {
      const names = groupBy.map((name) => {
        const text = texts[columns.indexOf(toGroupColumn(table, name))];
        return [name, toText(text)] as const;
      });
      return this.#getGroup(texts[columns.length] as ComparedType, names);
    });
    return (row, atMs) => {
      const { byTime } = groups[keyIndexes[row]!]!;
      const histogram = byTime.get(atMs) ?? createHistogram(atMs);
      byTime.set(atMs, histogram);
      return histogram;
    };
  }

  #getGroup(type: ComparedType, names: readonly (readonly [Dimension, string | undefined])[]) {
    const key = JSON.stringify([type, ...names.map(([, name]) => name ?? null)]);
    const known = this.#groups.get(key);
    if (known) return known;
    const created = { type, group: Object.fromEntries(names), byTime: new Map() };
    this.#groups.set(key, created);
    return created;
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
