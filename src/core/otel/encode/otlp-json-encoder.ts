import type {
  OtelAttributes,
  OtelAttributeValue,
  OtelExemplar,
  OtelMetric,
  OtelNumberPoint,
  OtelResourceMetrics,
} from '../metric-data.ts';
import { NO_RECORDED_VALUE, TEMPORALITY_NUMBERS } from '../otlp-enums.ts';
import { formatNanos } from '../unix-nano.ts';

type JsonObject = Record<string, unknown>;

/**
 * Encodes an `ExportMetricsServiceRequest` in JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
 *
 * @throws RangeError if a time isn't from 0 to 2⁴⁴ ms
 */
export function encodeMetricsRequestJson(resources: readonly OtelResourceMetrics[]): string {
  return JSON.stringify({
    resourceMetrics: resources.map(({ resource, scopes }) => ({
      resource: { attributes: toKeyValues(resource) },
      scopeMetrics: scopes.map(({ scope: { name, version, schemaUrl }, metrics }) => ({
        scope: { name, version },
        metrics: metrics.map(toMetric),
        schemaUrl,
      })),
    })),
  });
}

function toMetric(metric: OtelMetric): JsonObject {
  const { kind, name, description, unit } = metric;
  const base = { name, description, unit };
  if (kind === 'empty') return base;
  const data: JsonObject = { dataPoints: metric.points.map((point) => toPoint(point)) };
  if ('temporality' in metric)
    data.aggregationTemporality = TEMPORALITY_NUMBERS[metric.temporality];
  if (kind === 'sum') data.isMonotonic = metric.isMonotonic;
  return { ...base, [kind]: data };
}

function toPoint(point: Exclude<OtelMetric, { kind: 'empty' }>['points'][number]): JsonObject {
  return {
    ...toBase(point),
    ...('value' in point && !point.hasNoValue && { asDouble: toDouble(point.value) }),
    ...('count' in point && { count: String(point.count), sum: toDouble(point.sum) }),
    ...('min' in point && { min: toDouble(point.min) }),
    ...('max' in point && { max: toDouble(point.max) }),
    ...('bounds' in point && {
      bucketCounts: point.bucketCounts.map(String),
      explicitBounds: point.bounds.map(toDouble),
    }),
    ...('scale' in point && {
      scale: point.scale,
      zeroCount: String(point.zeroCount),
      zeroThreshold: toDouble(point.zeroThreshold),
      positive: toBuckets(point.positive),
      negative: toBuckets(point.negative),
    }),
    ...('quantiles' in point && {
      quantileValues: point.quantiles.map(({ quantile, value }) => ({
        quantile: toDouble(quantile),
        value: toDouble(value),
      })),
    }),
  };
}

function toBase({
  attributes,
  startTimeMs,
  timeMs,
  exemplars,
  hasNoValue,
}: Omit<OtelNumberPoint, 'value'>): JsonObject {
  return {
    attributes: toKeyValues(attributes),
    startTimeUnixNano: startTimeMs === 0 ? undefined : formatNanos(startTimeMs),
    timeUnixNano: formatNanos(timeMs),
    exemplars: exemplars?.map(toExemplar),
    flags: hasNoValue ? NO_RECORDED_VALUE : undefined,
  };
}

function toExemplar({ timeMs, value, traceId, spanId, attributes }: OtelExemplar): JsonObject {
  return {
    timeUnixNano: formatNanos(timeMs),
    asDouble: toDouble(value),
    traceId,
    spanId,
    filteredAttributes: attributes && toKeyValues(attributes),
  };
}

function toBuckets({
  offset,
  bucketCounts,
}: {
  offset: number;
  bucketCounts: readonly number[];
}): JsonObject {
  return { offset, bucketCounts: bucketCounts.map(String) };
}

/** JSON has no NaN and infinite numbers, so protobuf writes them as strings. */
function toDouble(value: number | undefined): number | string | undefined {
  return value === undefined || Number.isFinite(value) ? value : String(value);
}

function toKeyValues(attributes: OtelAttributes): JsonObject[] {
  return Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({ key, value: toAnyValue(value) }));
}

function toAnyValue(value: OtelAttributeValue | null | undefined): JsonObject {
  if (value === null || value === undefined) return {};
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) return { intValue: String(value) };
    return { doubleValue: toDouble(value) };
  }
  return { arrayValue: { values: value.map(toAnyValue) } };
}
