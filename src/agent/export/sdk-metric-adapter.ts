import { runGuarded } from '../../core/guard.ts';
import type {
  OtelAttributes,
  OtelExponentialHistogramPoint,
  OtelHistogramPoint,
  OtelMetric,
  OtelNumberPoint,
  OtelResourceMetrics,
  OtelScope,
  OtelTemporality,
} from '../../core/otel/metric-data.ts';
import { normalizeAttributes } from '../instrumentation/histograms/normalize-attributes.ts';
import type {
  SdkAttributes,
  SdkDataPoint,
  SdkMetric,
  SdkResource,
  SdkResourceMetrics,
  SdkScope,
  SdkTime,
} from './sdk-metric-types.ts';

/** What fails, for `guard`. */
export const EXPORT_PART = 'the export of the OpenTelemetry SDK';

/** `DataPointType` in SDK 2.x and 3.x. */
const HISTOGRAM = 0;
const EXPONENTIAL_HISTOGRAM = 1;
const GAUGE = 2;
const SUM = 3;

/** `AggregationTemporality` in SDK 2.x and 3.x. */
const TEMPORALITIES: readonly OtelTemporality[] = ['delta', 'cumulative'];

interface SdkHistogram {
  readonly count: number;
  readonly sum?: number;
  readonly min?: number;
  readonly max?: number;
  readonly buckets: { readonly boundaries: readonly number[]; readonly counts: readonly number[] };
}

type SdkExponentialHistogram = Omit<OtelExponentialHistogramPoint, keyof SdkDataPoint>;

/** Converts the metrics of the application's SDK to the neutral model. */
export function fromSdkMetrics({
  resource,
  scopeMetrics,
}: SdkResourceMetrics): OtelResourceMetrics {
  return {
    resource: toResourceAttributes(resource),
    scopes: scopeMetrics.map(({ scope, metrics }) => ({
      scope: toScope(scope),
      // One metric that can't be converted must not lose the values of the other metrics.
      metrics: metrics.flatMap((metric) => runGuarded(EXPORT_PART, () => toMetric(metric)) ?? []),
    })),
  };
}

/** Returns the attributes of a resource. Omits attributes that are still being detected. */
export function toResourceAttributes(resource: SdkResource): OtelAttributes {
  if (!resource.asyncAttributesPending) return toAttributes(resource.attributes);
  // The SDK would log an error if `attributes` was read. The first value of each name is valid.
  const known = (resource.getRawAttributes?.() ?? []).filter(
    ([, value]) => !(value instanceof Promise),
  );
  return toAttributes(Object.fromEntries(known.toReversed()));
}

export function toScope({ name, version, schemaUrl }: SdkScope): OtelScope {
  return { name, version: version || undefined, schemaUrl: schemaUrl || undefined };
}

/** Copies attributes. The SDK doesn't check the attributes of metrics, so values can have any type. */
export function toAttributes(attributes: SdkAttributes | undefined): OtelAttributes {
  return normalizeAttributes(attributes).toAttributes() as OtelAttributes;
}

/** Returns ms since the epoch, with fractions. */
export function toMs([seconds, nanoseconds]: SdkTime): number {
  return seconds * 1000 + nanoseconds / 1e6;
}

function toMetric(metric: SdkMetric): OtelMetric {
  const { name, unit, description } = metric.descriptor;
  const base = { name, unit, description };
  const temporality = TEMPORALITIES[metric.aggregationTemporality] ?? 'unspecified';
  const { dataPoints } = metric;
  switch (metric.dataPointType) {
    case GAUGE:
      return { ...base, kind: 'gauge', points: dataPoints.map(toNumberPoint) };
    case SUM: {
      const isMonotonic = metric.isMonotonic ?? false;
      return {
        ...base,
        kind: 'sum',
        temporality,
        isMonotonic,
        points: dataPoints.map(toNumberPoint),
      };
    }
    case HISTOGRAM:
      return { ...base, kind: 'histogram', temporality, points: dataPoints.map(toHistogramPoint) };
    case EXPONENTIAL_HISTOGRAM:
      return {
        ...base,
        kind: 'exponentialHistogram',
        temporality,
        points: dataPoints.map(toExponentialHistogramPoint),
      };
    default:
      return { ...base, kind: 'empty', points: [] };
  }
}

function toPoint({ attributes, startTime, endTime }: SdkDataPoint) {
  return {
    attributes: toAttributes(attributes),
    startTimeMs: Math.round(toMs(startTime)),
    timeMs: Math.round(toMs(endTime)),
  };
}

function toNumberPoint(point: SdkDataPoint): OtelNumberPoint {
  return { ...toPoint(point), value: point.value as number };
}

function toHistogramPoint(point: SdkDataPoint): OtelHistogramPoint {
  const { count, sum, min, max, buckets } = point.value as SdkHistogram;
  return {
    ...toPoint(point),
    count,
    ...toSummary(sum, min, max),
    bounds: buckets.boundaries,
    bucketCounts: buckets.counts,
  };
}

function toExponentialHistogramPoint(point: SdkDataPoint): OtelExponentialHistogramPoint {
  const { count, sum, min, max, scale, zeroCount, positive, negative } =
    point.value as SdkExponentialHistogram;
  return {
    ...toPoint(point),
    count,
    ...toSummary(sum, min, max),
    scale,
    zeroCount,
    positive,
    negative,
  };
}

/** The minimum and the maximum of the SDK are infinite if it has recorded no value. */
function toSummary(sum?: number, min = Number.NaN, max = Number.NaN) {
  return {
    sum,
    min: Number.isFinite(min) ? min : undefined,
    max: Number.isFinite(max) ? max : undefined,
  };
}
