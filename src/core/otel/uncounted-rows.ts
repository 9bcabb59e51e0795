import { createBlankBucket, createBlankMetric } from '../schema/blank-rows.ts';
import type { MetricBucketRow } from '../schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../schema/tables/performance-metrics-table.ts';
import type { MetricRowSink } from './point-rows.ts';

/** A process sends its first metrics within this time after its first span, in ms. */
const MAX_AGE_MS = 600_000;
/** Maximum number of processes and metrics. */
const MAX_FACTS = 10_000;
/** Maximum number of rows of all processes. */
const MAX_ROWS = 50_000;

interface SpanRows {
  readonly firstMs: number;
  readonly metrics: Pick<PerformanceMetricRow, 'timestamp' | 'id'>[];
  readonly buckets: Pick<MetricBucketRow, 'timestamp' | 'point' | 'bucketUpper'>[];
}

/**
 * Remembers the rows of spans, until it is known whether the process also sends the metric with the same information. Then
 * the rows are blanked, because the metric counts the same requests. Only the rows of the first ten minutes of a process
 * are remembered.
 */
export class SpanRowMemory {
  /** By the fact that the process sends the metric. */
  readonly #rows = new Map<string, SpanRows>();
  #size = 0;

  /** Adds rows. `nowMs` is the current time. */
  add(
    fact: string,
    metrics: readonly PerformanceMetricRow[],
    buckets: readonly MetricBucketRow[],
    nowMs: number,
  ): void {
    let known = this.#rows.get(fact);
    if (!known) {
      known = { firstMs: nowMs, metrics: [], buckets: [] };
      this.#rows.set(fact, known);
    }
    if (nowMs - known.firstMs > MAX_AGE_MS) {
      this.#clear(known);
      return;
    }
    for (const { timestamp, id } of metrics) known.metrics.push({ timestamp, id });
    for (const { timestamp, point, bucketUpper } of buckets) {
      known.buckets.push({ timestamp, point, bucketUpper });
    }
    this.#size += metrics.length + buckets.length;
    if (this.#size > MAX_ROWS || this.#rows.size > MAX_FACTS) this.#removeOldest(nowMs);
  }

  /**
   * Adds rows to `sink` that blank the rows of spans, because the process has sent its first metric.
   *
   * @param startMs start of the metric's interval. Earlier spans are not part of the metric.
   */
  blank(fact: string, startMs: number, sink: MetricRowSink): void {
    const known = this.#rows.get(fact);
    if (!known) return;
    for (const { timestamp, id = '' } of known.metrics) {
      if (timestamp > startMs) sink.metrics.push(createBlankMetric(timestamp, id));
    }
    for (const { timestamp, point = 0, bucketUpper = 0 } of known.buckets) {
      if (timestamp > startMs) sink.buckets.push(createBlankBucket(timestamp, point, bucketUpper));
    }
  }

  #clear(rows: SpanRows): void {
    this.#size -= rows.metrics.length + rows.buckets.length;
    rows.metrics.length = 0;
    rows.buckets.length = 0;
  }

  /** Removes the rows of old processes, and then of the process that was added first. */
  #removeOldest(nowMs: number): void {
    for (const [fact, rows] of this.#rows) {
      const isFull = this.#size > MAX_ROWS || this.#rows.size > MAX_FACTS;
      if (!isFull && nowMs - rows.firstMs <= MAX_AGE_MS) return;
      this.#clear(rows);
      this.#rows.delete(fact);
    }
  }
}
