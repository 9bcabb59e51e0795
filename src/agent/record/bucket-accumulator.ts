import {
  addToBucket,
  type BucketCounts,
  computeStoredBound,
  toBucketRows,
} from '../../core/histogram/histogram-buckets.ts';
import { computePointId } from '../../core/schema/row-ids.ts';
import type { MetricBucketRow } from '../../core/schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../../core/schema/tables/performance-metrics-table.ts';

/** Short enough that the edges of a query's time window stay exact to the second. */
const BUCKET_INTERVAL_MS = 1000;
/**
 * Number of rows after which their values are counted, so that the rows don't stay in memory while the event loop is
 * blocked. Usually, a batch comes first.
 */
const MAX_ROWS = 10_000;
/** Number of counts after which they become rows. The event loop can be blocked for many values. */
const MAX_SUMS = 10_000;

interface BucketSum {
  readonly row: PerformanceMetricRow;
  readonly timestamp: number;
  readonly buckets: BucketCounts;
}

/**
 * Counts individual values by series and bucket until the next batch. Each batch has its own
 * `point`, so that deduplication keeps equal values from two batches or two processes.
 */
export class BucketAccumulator {
  readonly #nextId: () => string;
  readonly #add: (rows: MetricBucketRow[]) => void;
  #rows: PerformanceMetricRow[] = [];
  #sums = new Map<string, BucketSum>();

  /** @param add receives the counts as rows */
  constructor(nextId: () => string, add: (rows: MetricBucketRow[]) => void) {
    this.#nextId = nextId;
    this.#add = add;
  }

  /** Usually only stores the row, because computing the sums would delay the caller. */
  add(row: PerformanceMetricRow): void {
    this.#rows.push(row);
    if (this.#rows.length < MAX_ROWS) return;
    this.#countRows();
    if (this.#sums.size >= MAX_SUMS) this.flush();
  }

  /** Number of rows and counts in memory. */
  get size(): number {
    return this.#rows.length + this.#sums.size;
  }

  /** Passes the counts to `add`, and resets them. */
  flush(): void {
    this.#countRows();
    const sums = this.#sums;
    if (sums.size === 0) return;
    this.#sums = new Map();
    this.#add(
      [...sums.values()].flatMap(({ row, timestamp, buckets }) =>
        toBucketRows(row, buckets, computePointId(this.#nextId()), timestamp),
      ),
    );
  }

  #countRows(): void {
    const rows = this.#rows;
    this.#rows = [];
    for (const row of rows) addToSums(this.#sums, row);
  }
}

function addToSums(sums: Map<string, BucketSum>, row: PerformanceMetricRow): void {
  const timestamp = Math.floor(row.timestamp / BUCKET_INTERVAL_MS) * BUCKET_INTERVAL_MS;
  const key = JSON.stringify([
    ...[timestamp, row.metricType, row.name, row.endpoint, row.operation, row.test],
    ...[row.queueScope, row.organizationId, row.propertyId, row.service],
  ]);
  let sum = sums.get(key);
  if (!sum) {
    // Buckets have no tags, which can be long.
    sum = { row: { ...row, tags: undefined }, timestamp, buckets: new Map() };
    sums.set(key, sum);
  }
  // Uses OpenTelemetry's bucket bounds, which are in seconds, so that OpenTelemetry histograms can
  // be merged with these counts.
  const bound = computeStoredBound(row.value ?? 0, row.unit === 'ms' ? 1000 : 1);
  addToBucket(sum.buckets, bound, 1, row.errorCount ?? 0);
}
