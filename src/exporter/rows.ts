import type { Attributes, HrTime } from '@opentelemetry/api';
import {
  DataPointType,
  type ExponentialHistogram,
  type Histogram,
  type MetricData,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { bucketRows } from '../histogram/bucket-rows.ts';
import { addAt, type Buckets, storedBuckets } from '../histogram/buckets.ts';
import { ABORTED } from '../schema/attributes.ts';
import type { Origin } from '../schema/dimensions.ts';
import { intervalRowId, pointOf } from '../schema/identity.ts';
import type { MetricBucket } from '../schema/metric-buckets.ts';
import type { PerformanceMetric } from '../schema/performance-metrics.ts';
import { dimensionsOf } from './dimensions.ts';
import { isShare, metricTypeOf, type StoredUnit, storedUnit } from './metric-map.ts';

export interface MetricRows {
  metrics: PerformanceMetric[];
  buckets: MetricBucket[];
}

interface Point {
  attributes: Attributes;
  startTime: HrTime;
  endTime: HrTime;
}

/** What one collection cycle gives, as rows of `performance_metrics` and `metric_buckets`. */
export function rowsOf(collected: readonly ScopeMetrics[], origin: Origin): MetricRows {
  const rows: MetricRows = { metrics: [], buckets: [] };
  for (const scope of collected) {
    for (const metric of scope.metrics) addMetric(rows, metric, origin);
  }
  return rows;
}

function addMetric(rows: MetricRows, metric: MetricData, origin: Origin): void {
  const { name, unit: given } = metric.descriptor;
  const stored = given === '1' && !isShare(name) ? { unit: '1', factor: 1 } : storedUnit(given);
  for (const point of metric.dataPoints) {
    const row = summaryRow(metric, point, stored, origin);
    if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) {
      const value = point.value as ExponentialHistogram;
      if (value.count === 0) continue;
      summarize(row, value, point.attributes, stored.factor);
      addBuckets(rows, row, storedBuckets(value, stored.factor, hasFailed(point.attributes)));
    } else if (metric.dataPointType === DataPointType.HISTOGRAM) {
      const value = point.value as Histogram;
      if (value.count === 0) continue;
      summarize(row, value, point.attributes, stored.factor);
      addBuckets(rows, row, explicitBuckets(value, stored.factor, hasFailed(point.attributes)));
    } else {
      row.value = (point.value as number) * stored.factor;
      row.sum = row.value;
    }
    rows.metrics.push(row);
  }
}

function summaryRow(
  metric: MetricData,
  point: Point,
  stored: StoredUnit,
  origin: Origin,
): PerformanceMetric {
  const { name } = metric.descriptor;
  const { attributes } = point;
  const series = JSON.stringify([name, Object.entries(attributes).sort()]);
  return {
    ...origin,
    ...dimensionsOf(attributes),
    id: intervalRowId(series, origin.instance, toMs(point.startTime)),
    timestamp: toMs(point.endTime),
    metricType: metricTypeOf(name),
    name: name.slice(0, 255),
    unit: stored.unit,
    test: false,
  };
}

function summarize(
  row: PerformanceMetric,
  value: ExponentialHistogram | Histogram,
  attributes: Attributes,
  factor: number,
): void {
  row.count = value.count;
  row.errorCount = hasFailed(attributes) ? value.count : 0;
  row.abortedCount = attributes[ABORTED] === true ? value.count : 0;
  row.sum = (value.sum ?? 0) * factor;
  row.value = row.sum / value.count;
  if (row.unit === 'ms') row.duration = row.value;
  if (value.min !== undefined) row.min = value.min * factor;
  if (value.max !== undefined) row.max = value.max * factor;
}

function hasFailed(attributes: Attributes): boolean {
  return attributes['error.type'] !== undefined;
}

/** Fixed bounds, where the application's own view asked for them; beyond the last is the maximum. */
function explicitBuckets(value: Histogram, factor: number, failed: boolean): Buckets {
  const buckets: Buckets = new Map();
  const { boundaries, counts } = value.buckets;
  counts.forEach((count, i) => {
    const bound = boundaries[i] ?? value.max ?? boundaries.at(-1) ?? 0;
    if (count > 0) addAt(buckets, bound * factor, count, failed ? count : 0);
  });
  return buckets;
}

function addBuckets(rows: MetricRows, row: PerformanceMetric, buckets: Buckets): void {
  rows.buckets.push(...bucketRows(row, buckets, pointOf(row.id ?? ''), row.timestamp));
}

function toMs([seconds, nanos]: HrTime): number {
  return Math.round(seconds * 1000 + nanos / 1e6);
}
