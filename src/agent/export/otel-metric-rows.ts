import type { Attributes, HrTime } from '@opentelemetry/api';
import {
  DataPointType,
  type ExponentialHistogram,
  type Histogram,
  type MetricData,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { runGuarded } from '../../core/guard.ts';
import {
  addToBucket,
  type BucketCounts,
  toBucketRows,
  toStoredBuckets,
} from '../../core/histogram/histogram-buckets.ts';
import type { RequestPointDetails } from '../../core/histogram/request-accumulator.ts';
import { isHostMetric } from '../../core/otel/mapping/counter-origin.ts';
import { normalizeNames, toRowDimensions } from '../../core/otel/mapping/map-attributes.ts';
import { getType } from '../../core/otel/mapping/map-series.ts';
import {
  getMetricDefinition,
  type MetricDefinition,
  type StoredUnit,
  toStoredUnit,
} from '../../core/otel/mapping/metric-definitions.ts';
import {
  DEFAULT_TENANT_ATTRIBUTES,
  readTenant,
} from '../../core/otel/mapping/tenant-attributes.ts';
import type { OtelAttributes } from '../../core/otel/metric-data.ts';
import { PerformanceMetricType } from '../../core/schema/enums.ts';
import { computeIntervalRowId, computePointId } from '../../core/schema/row-ids.ts';
import type { ServiceResource } from '../../core/schema/table-definition.ts';
import type { MetricBucketRow } from '../../core/schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../../core/schema/tables/performance-metrics-table.ts';
import {
  type CheckpointEntry,
  CheckpointPointEncoder,
  type PointSummary,
} from '../../storage/write/checkpoint-file.ts';
export interface MetricRows {
  metrics: PerformanceMetricRow[];
  buckets: MetricBucketRow[];
}

interface MetricPoint {
  attributes: Attributes;
  startTime: HrTime;
  endTime: HrTime;
}

/** Converts the metrics of one interval to `performance_metrics` and `metric_buckets` rows. */
export function toMetricRows(
  collected: readonly ScopeMetrics[],
  resource: ServiceResource,
): MetricRows {
  const rows: MetricRows = { metrics: [], buckets: [] };
  for (const scope of collected) {
    for (const metric of scope.metrics) {
      // One metric that can't be converted must not lose the values of the other metrics.
      runGuarded('the export of metrics', () => addMetricRows(rows, metric, scope.scope, resource));
    }
  }
  return rows;
}

/** A histogram point of an interval that has not ended. */
export interface OpenHistogramPoint {
  readonly name: string;
  readonly unit: string;
  readonly attributes: Attributes;
  readonly startTime: HrTime;
}

/**
 * Returns a function that encodes the current value of a point for a checkpoint. The row has the same ID
 * as the row at the end of the interval.
 */
export function createPointEncoder(
  { name, unit, attributes, startTime }: OpenHistogramPoint,
  resource: ServiceResource,
): (value: RequestPoint, nowMs: number) => CheckpointEntry {
  const stored = toStoredUnit(name, unit);
  const point = { attributes, startTime, endTime: startTime };
  const row = createSummaryRow(name, point, stored, resource);
  const encoder = new CheckpointPointEncoder(row, stored.factor, hasErrorType(attributes));
  return (value, nowMs) => {
    const summary: PointSummary = { timestamp: nowMs, unit: stored.unit };
    setHistogramSummary(summary, value, attributes, stored.factor);
    return encoder.encode(summary, value);
  };
}

function addMetricRows(
  rows: MetricRows,
  metric: MetricData,
  scope: ScopeMetrics['scope'],
  resource: ServiceResource,
): void {
  const { name, unit } = metric.descriptor;
  const stored = toStoredUnit(name, unit);
  const source = getSource(scope, metric);
  const isHostCounter =
    metric.dataPointType === DataPointType.SUM && metric.isMonotonic && isHostMetric(scope, name);
  for (const point of metric.dataPoints) {
    // The first value that the SDK reads contains the increase since the host was started.
    if (isHostCounter && toMs(point.startTime) === toMs(point.endTime)) continue;
    const row = createSummaryRow(name, point, stored, resource, source);
    if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) {
      const value = point.value as RequestPoint;
      if (value.count === 0 && value.requests === undefined) continue;
      setHistogramSummary(row, value, point.attributes, stored.factor);
      addBucketRows(
        rows,
        row,
        toStoredBuckets(value, stored.factor, hasErrorType(point.attributes)),
      );
    } else if (metric.dataPointType === DataPointType.HISTOGRAM) {
      const value = point.value as Histogram;
      if (value.count === 0) continue;
      setHistogramSummary(row, value, point.attributes, stored.factor);
      addBucketRows(rows, row, toBuckets(value, stored.factor, hasErrorType(point.attributes)));
    } else {
      if (!Number.isFinite(point.value)) continue;
      row.value = (point.value as number) * stored.factor;
      row.sum = row.value;
    }
    rows.metrics.push(row);
  }
}

/** Scopes of the agent. The names of their metrics are unique. */
const AGENT_SCOPE_PREFIX = 'perfscope.';

/** Returns a text that distinguishes application metrics with the same name. */
function getSource(
  { name, version, schemaUrl }: ScopeMetrics['scope'],
  { descriptor, dataPointType }: MetricData,
): readonly unknown[] {
  if (name.startsWith(AGENT_SCOPE_PREFIX)) return [];
  return [name, version ?? '', schemaUrl ?? '', descriptor.unit, dataPointType];
}

/** @param source see {@link getSource}. Default: a metric of the agent. */
function createSummaryRow(
  name: string,
  point: MetricPoint,
  stored: StoredUnit,
  resource: ServiceResource,
  source: readonly unknown[] = [],
): PerformanceMetricRow {
  const { attributes } = point;
  const isOwn = source.length === 0;
  const definition = isOwn ? getMetricDefinition(name) : getApplicationDefinition(name);
  // The agent's own attributes have current names, and contain only fingerprints.
  const current = isOwn
    ? new Map(Object.entries(attributes as OtelAttributes))
    : normalizeNames(attributes as OtelAttributes, definition);
  const series = JSON.stringify([name, Object.entries(attributes).sort(), ...source]);
  return {
    ...resource,
    ...toRowDimensions(current, definition, DEFAULT_TENANT_ATTRIBUTES),
    ...readTenant(attributes as OtelAttributes, DEFAULT_TENANT_ATTRIBUTES),
    id: computeIntervalRowId(series, resource.instance, toMs(point.startTime)),
    timestamp: toMs(point.endTime),
    metricType: getType(definition, current),
    name: name.slice(0, 255),
    unit: stored.unit,
    test: false,
  };
}

/**
 * The agent measures requests itself. If the application's libraries measure them under older names, or as calls of
 * gRPC, these metrics are not counted as requests too.
 */
function getApplicationDefinition(name: string): MetricDefinition {
  const definition = getMetricDefinition(name);
  const isRenamed = definition.storedName !== undefined && definition.storedName !== name;
  return isRenamed || name.startsWith('rpc.')
    ? { ...definition, type: PerformanceMetricType.CUSTOM }
    : definition;
}

/** A histogram point. The points of the agent's request histograms also have details. */
type RequestPoint = ExponentialHistogram & { readonly requests?: RequestPointDetails };

function setHistogramSummary(
  row: PointSummary,
  value: RequestPoint | Histogram,
  attributes: Attributes,
  factor: number,
): void {
  const { count, min, max } = value;
  row.count = count;
  row.errorCount = hasErrorType(attributes) ? count : 0;
  row.abortedCount = 0;
  row.sum = (value.sum ?? 0) * factor;
  if (count > 0) row.value = row.sum / count;
  if (row.unit === 'ms' && row.value !== undefined) row.duration = row.value;
  if (min !== undefined) row.min = min * factor;
  if (max !== undefined) row.max = max * factor;
  if ('requests' in value && value.requests) setRequestSummary(row, value.requests, factor);
  else setStatusCount(row, attributes['http.response.status_code'], count);
}

function setRequestSummary(row: PointSummary, details: RequestPointDetails, factor: number): void {
  const { failed: _, firstByteSum, firstByteMax, breakdown, ...counts } = details;
  Object.assign(row, counts);
  if (row.count === 0) return;
  row.firstByteSum = firstByteSum * factor;
  row.firstByteMax = firstByteMax * factor;
  row.databaseTime = breakdown.databaseTime * factor;
  row.databaseCalls = breakdown.databaseCalls;
  row.outgoingTime = breakdown.outgoingTime * factor;
  row.outgoingCalls = breakdown.outgoingCalls;
  row.queueTime = breakdown.queueTime * factor;
  row.queueCalls = breakdown.queueCalls;
  row.connectionWaitTime = breakdown.connectionWaitTime * factor;
  row.eventLoopWaitTime = breakdown.eventLoopWaitTime * factor;
  row.ownTime = breakdown.ownTime * factor;
}

/** Counts the status of requests that another library measured. */
function setStatusCount(row: PointSummary, status: unknown, count: number): void {
  const statusClass = Math.trunc(Number(status) / 100);
  if (statusClass === 2) row.count2xx = count;
  else if (statusClass === 3) row.count3xx = count;
  else if (statusClass === 4) row.count4xx = count;
  else if (statusClass === 5) row.count5xx = count;
}

function hasErrorType(attributes: Attributes): boolean {
  return attributes['error.type'] !== undefined;
}

/** Converts the buckets of a view with fixed boundaries. The last bucket ends at the maximum. */
function toBuckets(value: Histogram, factor: number, failed: boolean): BucketCounts {
  const buckets: BucketCounts = new Map();
  const { boundaries, counts } = value.buckets;
  counts.forEach((count, i) => {
    const bound = boundaries[i] ?? value.max ?? boundaries.at(-1) ?? 0;
    if (count > 0) addToBucket(buckets, bound * factor, count, failed ? count : 0);
  });
  return buckets;
}

function addBucketRows(rows: MetricRows, row: PerformanceMetricRow, buckets: BucketCounts): void {
  rows.buckets.push(...toBucketRows(row, buckets, computePointId(row.id ?? ''), row.timestamp));
}

function toMs([seconds, nanos]: HrTime): number {
  return Math.round(seconds * 1000 + nanos / 1e6);
}
