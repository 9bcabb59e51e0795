import { bucketRows } from '../histogram/bucket-rows.ts';
import { addAt, type Buckets, boundOf } from '../histogram/buckets.ts';
import { pointOf } from '../schema/identity.ts';
import type { MetricBucket } from '../schema/metric-buckets.ts';
import type { PerformanceMetric } from '../schema/performance-metrics.ts';

/** Values of one series are summed for as long as this, so that a window's edge stays sharp. */
const SLICE_MS = 1000;

interface Sum {
  row: PerformanceMetric;
  timestamp: number;
  buckets: Buckets;
}

/**
 * Sums single values per series and bucket until a batch takes them. Each batch is a `point` of
 * its own, so equal values of two batches, or of two processes, stay two.
 */
export class BucketSums {
  readonly #nextId: () => string;
  #rows: PerformanceMetric[] = [];

  constructor(nextId: () => string) {
    this.#nextId = nextId;
  }

  /** Only remembers: whoever records must not wait for sums. */
  add(row: PerformanceMetric): void {
    this.#rows.push(row);
  }

  /** Gives the sums as rows and begins anew. */
  take(): MetricBucket[] {
    const rows = this.#rows;
    this.#rows = [];
    const sums = new Map<string, Sum>();
    for (const row of rows) addTo(sums, row);
    return [...sums.values()].flatMap(({ row, timestamp, buckets }) =>
      bucketRows(row, buckets, pointOf(this.#nextId()), timestamp),
    );
  }
}

function addTo(sums: Map<string, Sum>, row: PerformanceMetric): void {
  const timestamp = Math.floor(row.timestamp / SLICE_MS) * SLICE_MS;
  const key = JSON.stringify([
    ...[timestamp, row.metricType, row.name, row.endpoint, row.operation, row.test],
    ...[row.organizationId, row.propertyId, row.service],
  ]);
  let sum = sums.get(key);
  if (!sum) {
    sum = { row, timestamp, buckets: new Map() };
    sums.set(key, sum);
  }
  // Times lie on the bounds of seconds, like OpenTelemetry's, so that both merge exactly.
  const bound = boundOf(row.value ?? 0, row.unit === 'ms' ? 1000 : 1);
  addAt(sum.buckets, bound, 1, row.errorCount ?? 0);
}
