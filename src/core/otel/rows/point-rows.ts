import { BUCKET_RATIO } from '../../histogram/bucket-scale.ts';
import {
  addToBucket,
  type BucketCounts,
  computeStoredBound,
  toBucketRows,
  toStoredBuckets,
} from '../../histogram/histogram-buckets.ts';
import { computePointId } from '../../schema/row-ids.ts';
import type { MetricBucketRow } from '../../schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../../schema/tables/performance-metrics-table.ts';
import type { MappedSeries } from '../mapping/map-series.ts';
import type {
  OtelExponentialHistogramPoint,
  OtelHistogramPoint,
  OtelNumberPoint,
  OtelSummaryPoint,
} from '../metric-data.ts';
import { getExplicitBuckets, MS_PER_SECOND } from './explicit-buckets.ts';

/** Receives the rows of points. */
export interface MetricRowSink {
  readonly metrics: PerformanceMetricRow[];
  readonly buckets: MetricBucketRow[];
}

/** Adds the row of a gauge, or of the increase of a counter. */
export function addNumberRow(
  sink: MetricRowSink,
  series: MappedSeries,
  { startTimeMs, timeMs, value }: OtelNumberPoint,
): PerformanceMetricRow {
  const row = createRow(series, startTimeMs, timeMs);
  row.value = value * series.factor;
  row.sum = row.value;
  sink.metrics.push(row);
  return row;
}

/** Adds the rows of a histogram with explicit bounds. Empty histograms have no row. */
export function addHistogramRows(
  sink: MetricRowSink,
  series: MappedSeries,
  point: OtelHistogramPoint,
): PerformanceMetricRow | undefined {
  if (point.count === 0) return undefined;
  const row = createRow(series, point.startTimeMs, point.timeMs);
  setSummary(row, series, point);
  addBuckets(sink, row, (pointId) => getExplicitBuckets(row, series, point, pointId));
  return row;
}

/** Adds the rows of an exponential histogram. Empty histograms have no row. */
export function addExponentialHistogramRows(
  sink: MetricRowSink,
  series: MappedSeries,
  point: OtelExponentialHistogramPoint,
): PerformanceMetricRow | undefined {
  if (point.count === 0) return undefined;
  const row = createRow(series, point.startTimeMs, point.timeMs);
  setSummary(row, series, point);
  const buckets = toStoredBuckets(point, series.factor, series.failed);
  // Bounds of times in ms, µs, or ns aren't powers in seconds, so they are moved to the nearest stored bound.
  const isAligned = row.unit !== 'ms' || series.factor === MS_PER_SECOND;
  addBuckets(sink, row, () => (isAligned ? buckets : alignBuckets(buckets)));
  return row;
}

/** Adds a row with the count and the sum of a summary, and a row for each quantile. */
export function addSummaryRows(
  sink: MetricRowSink,
  series: MappedSeries,
  point: OtelSummaryPoint,
): PerformanceMetricRow | undefined {
  if (point.count === 0) return undefined;
  const row = createRow(series, point.startTimeMs, point.timeMs);
  setSummary(row, series, point);
  sink.metrics.push(row);
  for (const { quantile, value } of point.quantiles) {
    if (!Number.isFinite(value)) continue;
    const tags = JSON.stringify({
      ...(JSON.parse(row.tags ?? '{}') as Record<string, unknown>),
      quantile,
    });
    const stored = value * series.factor;
    const { id = '', ...template } = createRow(series, point.startTimeMs, point.timeMs);
    // As CUSTOM, because a quantile is not a duration that can be counted.
    const metricType = 'CUSTOM';
    const quantileId = `${id}-q${quantile}`;
    sink.metrics.push({
      ...template,
      id: quantileId,
      metricType,
      tags,
      value: stored,
      sum: stored,
    });
  }
  return row;
}

function createRow(
  { template, hash }: MappedSeries,
  startTimeMs: number,
  timeMs: number,
): PerformanceMetricRow {
  return { ...template, timestamp: timeMs, id: `${hash}-${toStartText(startTimeMs || timeMs)}` };
}

let lastStartMs = 0;
let lastStartText = '0';

/** Returns a time in µs, because times of OTLP have fractions of a ms. Most points of an export have the same start. */
function toStartText(startMs: number): string {
  if (startMs !== lastStartMs) {
    lastStartMs = startMs;
    lastStartText = Math.round(startMs * 1000).toString(36);
  }
  return lastStartText;
}

/** Responses of the agent's rows have all four counts, so that they can be compared. */
const NO_STATUS = { count2xx: 0, count3xx: 0, count4xx: 0, count5xx: 0 };

function setSummary(
  row: PerformanceMetricRow,
  { factor, failed, statusColumn }: MappedSeries,
  { count, sum, min, max }: Pick<OtelHistogramPoint, 'count' | 'sum' | 'min' | 'max'>,
): void {
  row.count = count;
  row.errorCount = failed ? count : 0;
  row.abortedCount = 0;
  row.sum = (sum ?? 0) * factor;
  row.value = row.sum / count;
  if (row.unit === 'ms') row.duration = row.value;
  if (min !== undefined) row.min = min * factor;
  if (max !== undefined) row.max = max * factor;
  if (statusColumn) Object.assign(row, NO_STATUS, { [statusColumn]: count });
}

function addBuckets(
  sink: MetricRowSink,
  row: PerformanceMetricRow,
  getBuckets: (pointId: number) => BucketCounts,
): void {
  sink.metrics.push(row);
  const pointId = computePointId(row.id ?? '');
  const buckets = getBuckets(pointId);
  for (const bucket of toBucketRows(row, buckets, pointId, row.timestamp)) {
    sink.buckets.push(bucket);
  }
}

function alignBuckets(buckets: BucketCounts): BucketCounts {
  const aligned: BucketCounts = new Map();
  const halfBucket = Math.sqrt(BUCKET_RATIO);
  for (const [bound, { count, errorCount }] of buckets) {
    const middle = bound > 0 ? bound / halfBucket : bound * halfBucket;
    addToBucket(aligned, computeStoredBound(middle, MS_PER_SECOND), count, errorCount);
  }
  return aligned;
}
