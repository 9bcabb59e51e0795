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

/** After a limit was reached, this part of the room is free again, so that rows are not removed with each request. */
const FREED_SHARE = 0.1;

interface SpanRows {
  readonly organization: string;
  readonly firstMs: number;
  readonly metrics: Pick<PerformanceMetricRow, 'timestamp' | 'id'>[];
  readonly buckets: Pick<MetricBucketRow, 'timestamp' | 'point' | 'bucketUpper'>[];
}

/** What an organization takes. */
interface Usage {
  facts: number;
  rows: number;
}

/**
 * Remembers the rows of spans, until it is known whether the process also sends the metric with the same information. Then
 * the rows are blanked, because the metric counts the same requests. Only the rows of the first ten minutes of a process
 * are remembered.
 */
export class SpanRowMemory {
  /** By the fact that the process sends the metric. */
  readonly #rows = new Map<string, SpanRows>();
  /** By organization. Empty for rows without one. */
  readonly #usages = new Map<string, Usage>();
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
      const organization = metrics[0]?.organizationId ?? '';
      known = { organization, firstMs: nowMs, metrics: [], buckets: [] };
      this.#rows.set(fact, known);
      this.#getUsage(organization).facts++;
    }
    if (nowMs - known.firstMs > MAX_AGE_MS) {
      this.#clear(known);
      return;
    }
    for (const { timestamp, id } of metrics) known.metrics.push({ timestamp, id });
    for (const { timestamp, point, bucketUpper } of buckets) {
      known.buckets.push({ timestamp, point, bucketUpper });
    }
    const added = metrics.length + buckets.length;
    this.#size += added;
    this.#getUsage(known.organization).rows += added;
    if (this.#isFull) this.#makeRoom(nowMs);
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

  get #isFull(): boolean {
    return this.#size > MAX_ROWS || this.#rows.size > MAX_FACTS;
  }

  #getUsage(organization: string): Usage {
    const known = this.#usages.get(organization);
    if (known) return known;
    const usage = { facts: 0, rows: 0 };
    this.#usages.set(organization, usage);
    return usage;
  }

  #clear({ organization, metrics, buckets }: SpanRows): void {
    const removed = metrics.length + buckets.length;
    this.#size -= removed;
    this.#getUsage(organization).rows -= removed;
    metrics.length = 0;
    buckets.length = 0;
  }

  #remove(fact: string, rows: SpanRows): void {
    this.#clear(rows);
    this.#rows.delete(fact);
    const usage = this.#getUsage(rows.organization);
    usage.facts--;
    if (usage.facts === 0) this.#usages.delete(rows.organization);
  }

  /**
   * Removes the rows of old processes. If that isn't enough, removes the oldest rows of organizations with more than
   * their share, so that one organization can't remove the rows of others.
   */
  #makeRoom(nowMs: number): void {
    for (const [fact, rows] of this.#rows) {
      if (nowMs - rows.firstMs > MAX_AGE_MS) this.#remove(fact, rows);
    }
    if (!this.#isFull) return;
    const share = (1 - FREED_SHARE) / this.#usages.size;
    for (const [fact, rows] of this.#rows) {
      const usage = this.#getUsage(rows.organization);
      if (usage.facts > MAX_FACTS * share || usage.rows > MAX_ROWS * share) {
        this.#remove(fact, rows);
      }
    }
  }
}
