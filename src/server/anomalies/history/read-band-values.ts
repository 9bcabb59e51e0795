import { MINUTE_MS } from '../../../core/duration.ts';
import { computeSortedPercentile } from '../../../core/histogram/percentiles.ts';
import {
  BUCKETS_TABLE,
  COUNT,
  createSum,
  METRICS_TABLE,
  VALUE_AGGREGATIONS,
} from '../../../storage/queries/aggregation-tables.ts';
import { toMetricConditions } from '../../../storage/queries/operation-totals.ts';
import type { Dimension, Group, Query } from '../../../storage/queries/query-definition.ts';
import { READY_STATES } from '../../../storage/queries/queue-stats.ts';
import { toText } from '../../../storage/queries/row-values.ts';
import {
  type QueryTable,
  type Selection,
  scanQuery,
  toGroupColumn,
} from '../../../storage/queries/run-query.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import { ColumnBuffers, type ColumnRows } from '../../../storage/questdb/column-rows.ts';
import type { ScanClient } from '../../../storage/questdb/query-client.ts';
import { sql } from '../../../storage/sql/sql-builder.ts';
import { type BandMeasure, getPercentileShare, isRate, toSeriesKey } from '../band-measure.ts';

/** The values of one series in the steps of a range. */
export interface SeriesValues {
  readonly key: string;
  readonly group: Group;
  /** One for each step; `NaN` for steps without a value. Rates are per minute. */
  readonly values: Float64Array;
  /** Number of measurements in all steps. */
  readonly count: number;
}

export interface BandValues {
  readonly series: readonly SeriesValues[];
  /** Number of rows that were read. */
  readonly rows: number;
}

/** Shares and percentiles of fewer measurements say little about the series. */
const MIN_COUNT = 5;
/** Limit on rows per statement. They take about 100 MB. */
const MAX_ROWS = 2_000_000;

/**
 * Reads the values of all series of a measure in each step of a range.
 *
 * @param range starts and ends at whole steps
 * @param buffers memory for the rows, which several calls can share
 * @throws PS_REQUEST_TOO_LARGE, PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function readBandValues(
  client: ScanClient,
  measure: BandMeasure,
  range: TimeRange,
  stepMs: number,
  buffers = new ColumnBuffers(),
): Promise<BandValues> {
  const isDepth = measure.aggregate === 'depth';
  const groupBy = isDepth
    ? [...new Set<Dimension>([...measure.groupBy, 'queueScope', 'operation'])]
    : measure.groupBy;
  const read: Reading = {
    query: {
      scope: measure.scope,
      range,
      filter: measure.filter,
      groupBy,
      step: { ms: stepMs, zone: 'utc' },
    },
    client,
    buffers,
    conditions: toMetricConditions({ metricType: measure.type }, measure.filter),
    steps: Math.round((range.toMs - range.fromMs) / stepMs),
    stepMs,
  };
  const share = getPercentileShare(measure.aggregate);
  if (share !== undefined) return readPercentiles(read, measure, share);
  const values = await readSums(read, measure);
  return isDepth ? sumDepths(values, measure) : values;
}

interface Reading {
  readonly client: ScanClient;
  readonly query: Query & { readonly range: TimeRange };
  readonly buffers: ColumnBuffers;
  readonly conditions: NonNullable<Selection['conditions']>;
  readonly steps: number;
  readonly stepMs: number;
}

function scan(
  { client, query, buffers, conditions }: Reading,
  table: QueryTable,
  selection: Pick<Selection, 'aggregations' | 'keys'>,
): Promise<ColumnRows[]> {
  return scanQuery(client, table, query, { ...selection, conditions, limit: MAX_ROWS }, buffers);
}

/** Returns the groups of the keys in a result. */
function listGroups(table: QueryTable, { groupBy = [] }: Query, { keys }: ColumnRows): Group[] {
  const columns = [...new Set(groupBy.map((name) => toGroupColumn(table, name)))];
  return keys.map((texts) =>
    Object.fromEntries(
      groupBy.map((name) => [name, toText(texts[columns.indexOf(toGroupColumn(table, name))])]),
    ),
  );
}

interface Collected<T> {
  readonly group: Group;
  readonly cells: T;
}

/** Finds or creates the cells of each key of a result. */
function collect<T>(
  known: Map<string, Collected<T>>,
  groups: readonly Group[],
  groupBy: readonly Dimension[],
  create: () => T,
): T[] {
  return groups.map((group) => {
    const key = toSeriesKey(groupBy, group);
    const found = known.get(key) ?? { group, cells: create() };
    known.set(key, found);
    return found.cells;
  });
}

const SUMS = {
  count: COUNT,
  errors: createSum(sql`sum(error_count)`),
  total: createSum(sql`sum(sum)`),
  samples: VALUE_AGGREGATIONS.samples,
  value_total: VALUE_AGGREGATIONS.value_total,
  last: VALUE_AGGREGATIONS.last,
  last_at: VALUE_AGGREGATIONS.last_at,
} as const;
/** Columns of a step: the sums, the latest value, and its time. */
const CELL_SIZE = 7;

async function readSums(read: Reading, measure: BandMeasure): Promise<BandValues> {
  const { query, steps, stepMs } = read;
  const known = new Map<string, Collected<Float64Array>>();
  let rows = 0;
  for (const result of await scan(read, METRICS_TABLE, { aggregations: SUMS })) {
    const groups = listGroups(METRICS_TABLE, query, result);
    const cells = collect(known, groups, query.groupBy ?? [], () => {
      return new Float64Array(CELL_SIZE * steps);
    });
    const [times, count, errors, total, samples, valueTotal, last, lastAt] =
      result.columns as Float64Array[];
    rows += result.length;
    for (let i = 0; i < result.length; i++) {
      const step = Math.floor((times![i]! - query.range.fromMs) / stepMs);
      if (step < 0 || step >= steps) continue;
      const cell = cells[result.keyIndexes[i]!]!;
      const at = CELL_SIZE * step;
      cell[at]! += count![i]! || 0;
      cell[at + 1]! += errors![i]! || 0;
      cell[at + 2]! += total![i]! || 0;
      cell[at + 3]! += samples![i]! || 0;
      cell[at + 4]! += valueTotal![i]! || 0;
      if (lastAt![i]! > cell[at + 6]!) {
        cell[at + 5] = last![i]!;
        cell[at + 6] = lastAt![i]!;
      }
    }
    result.release();
  }
  const compute = getCellFunction(measure, stepMs);
  const series = [...known].map(([key, { group, cells }]) => {
    const values = new Float64Array(steps);
    let total = 0;
    for (let step = 0; step < steps; step++) {
      const at = CELL_SIZE * step;
      values[step] = compute(cells, at);
      total += cells[at]! || cells[at + 3]!;
    }
    return { key, group, values, count: total };
  });
  return { series, rows };
}

/** Returns the function that computes the value of a step from its sums. */
function getCellFunction(
  { aggregate }: BandMeasure,
  stepMs: number,
): (cell: Float64Array, at: number) => number {
  const count = (cell: Float64Array, at: number) => cell[at]! || cell[at + 3]!;
  if (isRate(aggregate)) {
    return (cell, at) => {
      const measurements = count(cell, at);
      return measurements > 0 ? (measurements * MINUTE_MS) / stepMs : Number.NaN;
    };
  }
  if (aggregate === 'error_ratio') {
    return (cell, at) => (cell[at]! >= MIN_COUNT ? (100 * cell[at + 1]!) / cell[at]! : Number.NaN);
  }
  if (aggregate === 'last' || aggregate === 'depth') {
    // The latest value of an hour is one of many. Windows keep their latest value.
    const isHour = stepMs >= 60 * MINUTE_MS;
    return (cell, at) =>
      cell[at + 3]! > 0 ? (isHour ? cell[at + 4]! / cell[at + 3]! : cell[at + 5]!) : Number.NaN;
  }
  return (cell, at) =>
    cell[at]! > 0
      ? cell[at + 2]! / cell[at]!
      : cell[at + 3]! > 0
        ? cell[at + 4]! / cell[at + 3]!
        : Number.NaN;
}

/** Adds the numbers of jobs in the states that are ready to run. */
function sumDepths({ series, rows }: BandValues, { groupBy }: BandMeasure): BandValues {
  const sums = new Map<string, { group: Group; values: Float64Array; count: number }>();
  for (const { group, values, count } of series) {
    if (!READY_STATES.has(group.operation)) continue;
    const key = toSeriesKey(groupBy, group);
    const own = Object.fromEntries(groupBy.map((name) => [name, group[name]]));
    const sum = sums.get(key) ?? {
      group: own,
      values: new Float64Array(values.length).fill(Number.NaN),
      count: 0,
    };
    for (let i = 0; i < values.length; i++) {
      if (Number.isFinite(values[i]!)) sum.values[i] = (sum.values[i]! || 0) + values[i]!;
    }
    sum.count += count;
    sums.set(key, sum);
  }
  return { series: [...sums].map(([key, sum]) => ({ key, ...sum })), rows };
}

interface BucketCells {
  readonly steps: ({ bound: number; count: number }[] | undefined)[];
}

async function readPercentiles(
  read: Reading,
  measure: BandMeasure,
  share: number,
): Promise<BandValues> {
  const { query, steps, stepMs } = read;
  const known = new Map<string, Collected<BucketCells>>();
  let rows = 0;
  const selection = { aggregations: { count: COUNT }, keys: ['bucket_upper'] };
  for (const result of await scan(read, BUCKETS_TABLE, selection)) {
    const groups = listGroups(BUCKETS_TABLE, query, result);
    const cells = collect(known, groups, measure.groupBy, () => ({ steps: new Array(steps) }));
    const [bounds, times, counts] = result.columns as Float64Array[];
    rows += result.length;
    for (let i = 0; i < result.length; i++) {
      const step = Math.floor((times![i]! - query.range.fromMs) / stepMs);
      if (step < 0 || step >= steps) continue;
      const cell = cells[result.keyIndexes[i]!]!;
      const bucket = { bound: bounds![i]! || 0, count: counts![i]! || 0 };
      const others = cell.steps[step];
      if (others) others.push(bucket);
      else cell.steps[step] = [bucket];
    }
    result.release();
  }
  const series = [...known].map(([key, { group, cells }]) => {
    const values = new Float64Array(steps).fill(Number.NaN);
    let count = 0;
    for (let step = 0; step < steps; step++) {
      const buckets = cells.steps[step];
      if (!buckets) continue;
      let total = 0;
      for (const bucket of buckets) total += bucket.count;
      count += total;
      if (total < MIN_COUNT) continue;
      buckets.sort((a, b) => a.bound - b.bound);
      values[step] = computeSortedPercentile(buckets, total, share) ?? Number.NaN;
    }
    return { key, group, values, count };
  });
  return { series, rows };
}
