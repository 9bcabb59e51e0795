import {
  addToBucket,
  type BucketCounts,
  computeStoredBound,
} from '../../src/core/histogram/histogram-buckets.ts';
import { Distribution, type MergedBucket } from '../../src/core/histogram/percentiles.ts';
import type { Observation } from '../../src/server/alerts/evaluation/observation.ts';
import { queryMeasure } from '../../src/server/alerts/rule-queries/measure-query.ts';
import type { RuleQueryCache } from '../../src/server/alerts/rule-queries/rule-query-cache.ts';
import type { AlertRule, Measure } from '../../src/server/alerts/rules/alert-rule.ts';
import type { CellStores } from '../../src/server/backtest/sources/cell-stores.ts';
import { type MetricSums, mergeMetricSums } from '../../src/storage/queries/measurement-sums.ts';
import { type Group, toGroupKey } from '../../src/storage/queries/query-definition.ts';
import { floorTo } from '../../src/storage/queries/time-range.ts';

/** A row with one measurement, and the time at which it arrived. Times are in ms since the epoch. */
export interface ReplayRow {
  readonly atMs: number;
  readonly arrivedMs: number;
  readonly service: string;
  readonly endpoint: string;
  readonly ms: number;
  readonly failed: boolean;
}

function toSums(row: ReplayRow, group: Group): MetricSums {
  return {
    group,
    count: 1,
    errorCount: row.failed ? 1 : 0,
    sum: row.ms,
    valueCount: 1,
    valueSum: row.ms,
    min: row.ms,
    max: row.ms,
    last: row.ms,
    newestMs: row.atMs,
    oldestMs: row.atMs,
  };
}

function toGroup(row: ReplayRow, groupBy: readonly string[]): Group {
  return Object.fromEntries(groupBy.map((name) => [name, row[name as 'service' | 'endpoint']]));
}

function toBuckets(rows: readonly ReplayRow[]): MergedBucket[] {
  const counts: BucketCounts = new Map();
  for (const { ms, failed } of rows)
    addToBucket(counts, computeStoredBound(ms, 1000), 1, failed ? 1 : 0);
  return [...counts].map(([bound, { count, errorCount }]) => ({ bound, count, errorCount }));
}

/** Adds rows to the stores in the way in which the cells of QuestDB contain them. */
export function feedCells(stores: CellStores, rows: readonly ReplayRow[], cellMs: number): void {
  const sorted = rows.toSorted((a, b) => a.atMs - b.atMs);
  for (const row of sorted) {
    const cellAtMs = floorTo(row.atMs, cellMs);
    for (const { store, groupBy } of stores.sums) {
      const group = toGroup(row, groupBy);
      const found = store.getOrAdd(toGroupKey(group), () => group);
      found?.series.add(cellAtMs, toSums(row, group));
    }
    for (const { store, groupBy } of stores.buckets) {
      const group = toGroup(row, groupBy);
      const found = store.getOrAdd(toGroupKey(group), () => group);
      for (const bucket of toBuckets([row])) found?.series.add(cellAtMs, bucket);
    }
  }
}

/** Evaluates the query of a rule over rows in memory, one row at a time, as a reference for sliding windows. */
export function observeLive(
  rule: AlertRule,
  rows: readonly ReplayRow[],
  now: number,
): Promise<Observation[]> {
  const select = ({ windowMs, groupBy }: Pick<Measure, 'windowMs' | 'groupBy'>) =>
    Map.groupBy(
      rows.filter(({ atMs }) => atMs >= now - windowMs && atMs < now),
      (row) => toGroupKey(toGroup(row, groupBy)),
    );
  const cache: Pick<RuleQueryCache, 'metricSums' | 'distributions' | 'steppedSums' | 'now'> = {
    // There are no rows of earlier days.
    steppedSums: async () => [],
    now,
    metricSums: async (query) =>
      [...select(query).values()].map((group) =>
        group.map((row) => toSums(row, toGroup(row, query.groupBy))).reduce(mergeMetricSums),
      ),
    distributions: async (query) =>
      new Map([...select(query)].map(([key, group]) => [key, new Distribution(toBuckets(group))])),
  };
  return queryMeasure(rule.source as Measure, cache as RuleQueryCache);
}
