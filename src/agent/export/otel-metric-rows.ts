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
import { PerformanceMetricType } from '../../core/schema/enums.ts';
import { computeIntervalRowId, computePointId } from '../../core/schema/row-ids.ts';
import {
  MAX_NAME_LENGTH,
  MAX_TEXT_LENGTH,
  type ServiceResource,
} from '../../core/schema/table-definition.ts';
import type { MetricBucketRow } from '../../core/schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../../core/schema/tables/performance-metrics-table.ts';
import {
  type CheckpointEntry,
  CheckpointPointEncoder,
  type PointSummary,
} from '../../storage/write/checkpoint-file.ts';
import {
  ATTR_AGENT_PART,
  ATTR_BREAKER_NAME,
  ATTR_BREAKER_OUTCOME,
  ATTR_BREAKER_STATE,
  ATTR_DROP_REASON,
  ATTR_ORGANIZATION_ID,
  ATTR_OTLP_OUTCOME,
  ATTR_OTLP_REASON,
  ATTR_OTLP_SIGNAL,
  ATTR_OTLP_STATUS,
  ATTR_PROPERTY_ID,
  ATTR_QUEUE_SCOPE,
} from '../attribute-keys.ts';

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
  for (const point of metric.dataPoints) {
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
  const series = JSON.stringify([name, Object.entries(attributes).sort(), ...source]);
  return {
    ...resource,
    ...toRowDimensions(attributes),
    id: computeIntervalRowId(series, resource.instance, toMs(point.startTime)),
    timestamp: toMs(point.endTime),
    metricType: getMetricType(name),
    name: name.slice(0, 255),
    unit: stored.unit,
    test: false,
  };
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
  const { failed: _, firstByteSum, firstByteMax, ...counts } = details;
  Object.assign(row, counts);
  if (row.count === 0) return;
  row.firstByteSum = firstByteSum * factor;
  row.firstByteMax = firstByteMax * factor;
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

/** Metric type of each OpenTelemetry instrument. All other instruments are `CUSTOM`. */
const METRIC_TYPES = new Map<string, PerformanceMetricType>([
  ['http.server.request.duration', PerformanceMetricType.API_RESPONSE_TIME],
  ['http.server.stream.duration', PerformanceMetricType.API_STREAM_DURATION],
  ['db.client.operation.duration', PerformanceMetricType.DATABASE_QUERY_TIME],
  ['db.client.connection.count', PerformanceMetricType.DATABASE_CONNECTIONS],
  ['messaging.process.duration', PerformanceMetricType.QUEUE_PROCESSING_TIME],
  ['perfscope.queue.wait.duration', PerformanceMetricType.QUEUE_WAIT_TIME],
  ['perfscope.queue.depth', PerformanceMetricType.QUEUE_DEPTH],
  ['perfscope.queue.oldest.age', PerformanceMetricType.QUEUE_OLDEST_AGE],
  ['container.cpu.utilization', PerformanceMetricType.CPU_USAGE],
  ['container.memory.utilization', PerformanceMetricType.MEMORY_USAGE],
  ['system.cpu.utilization', PerformanceMetricType.CPU_USAGE],
  ['system.memory.utilization', PerformanceMetricType.MEMORY_USAGE],
  ['system.filesystem.utilization', PerformanceMetricType.DISK_USAGE],
  ['system.network.io', PerformanceMetricType.NETWORK_IO],
  ['nodejs.eventloop.delay.mean', PerformanceMetricType.EVENT_LOOP_DELAY],
  ['nodejs.eventloop.delay.p50', PerformanceMetricType.EVENT_LOOP_DELAY],
  ['nodejs.eventloop.delay.p99', PerformanceMetricType.EVENT_LOOP_DELAY],
  ['nodejs.eventloop.delay.max', PerformanceMetricType.EVENT_LOOP_DELAY],
  ['v8js.gc.duration', PerformanceMetricType.GC_DURATION],
  ['v8js.memory.heap.used', PerformanceMetricType.HEAP_USAGE],
  ['v8js.memory.heap.limit', PerformanceMetricType.HEAP_USAGE],
  ['perfscope.breaker.state', PerformanceMetricType.BREAKER_STATE],
]);

function getMetricType(name: string): PerformanceMetricType {
  return METRIC_TYPES.get(name) ?? PerformanceMetricType.CUSTOM;
}

interface StoredUnit {
  unit: string;
  /** Values are multiplied by this factor before they are stored. */
  factor: number;
}

/** Converts seconds to ms, and utilization ratios to percent. Other units stay the same. */
function toStoredUnit(name: string, unit: string): StoredUnit {
  if (unit === 's') return { unit: 'ms', factor: 1000 };
  if (unit === '1' && isUtilization(name)) return { unit: '%', factor: 100 };
  return { unit, factor: 1 };
}

/**
 * The unit `1` is a ratio only for these metrics. For other metrics, the value can be any number.
 */
function isUtilization(name: string): boolean {
  return /^(?:system|container|process|nodejs)\..*\.utilization$/.test(name);
}

/** Columns of a row that are filled from the attributes of a point. */
interface RowDimensions {
  endpoint: string | undefined;
  operation: string | undefined;
  host: string | undefined;
  queueScope: string | undefined;
  organizationId: string | undefined;
  propertyId: string | undefined;
  /** All other attributes as JSON, or undefined if there are none. */
  tags: string | undefined;
}

const DIMENSION_COLUMNS = new Map<string, Exclude<keyof RowDimensions, 'tags'>>([
  ['http.route', 'endpoint'],
  ['http.request.method', 'operation'],
  ['db.operation.name', 'operation'],
  ['db.query.text', 'endpoint'],
  ['db.client.connection.pool.name', 'endpoint'],
  ['db.client.connection.state', 'operation'],
  ['messaging.destination.name', 'endpoint'],
  ['perfscope.job.name', 'operation'],
  ['perfscope.job.state', 'operation'],
  ['host.name', 'host'],
  [ATTR_QUEUE_SCOPE, 'queueScope'],
  [ATTR_BREAKER_NAME, 'endpoint'],
  [ATTR_BREAKER_OUTCOME, 'operation'],
  [ATTR_BREAKER_STATE, 'operation'],
  [ATTR_DROP_REASON, 'operation'],
  [ATTR_AGENT_PART, 'operation'],
  [ATTR_OTLP_SIGNAL, 'endpoint'],
  [ATTR_OTLP_STATUS, 'operation'],
  [ATTR_OTLP_OUTCOME, 'endpoint'],
  [ATTR_OTLP_REASON, 'operation'],
  [ATTR_ORGANIZATION_ID, 'organizationId'],
  [ATTR_PROPERTY_ID, 'propertyId'],
]);

/** Truncates long values. If the tags are too large, they are replaced by a marker. */
function toRowDimensions(attributes: Attributes): RowDimensions {
  const dimensions: RowDimensions = {
    endpoint: undefined,
    operation: undefined,
    host: undefined,
    queueScope: undefined,
    organizationId: undefined,
    propertyId: undefined,
    tags: undefined,
  };
  const otherAttributes: Attributes = {};
  for (const [key, value] of Object.entries(attributes)) {
    const column = DIMENSION_COLUMNS.get(key);
    if (column && value !== undefined) {
      dimensions[column] = String(value).slice(0, MAX_NAME_LENGTH);
    } else otherAttributes[key] = value;
  }
  if (Object.keys(otherAttributes).length > 0) {
    const tags = JSON.stringify(otherAttributes);
    dimensions.tags = tags.length <= MAX_TEXT_LENGTH ? tags : '{"perfscope.tags.dropped":true}';
  }
  return dimensions;
}
