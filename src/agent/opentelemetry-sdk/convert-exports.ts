import type { ScopeMetrics } from '@opentelemetry/sdk-metrics';
import type { SeriesTransaction } from '../../core/otel/cumulative-to-delta.ts';
import type { OtelMetric, OtelResourceMetrics, OtelScope } from '../../core/otel/metric-data.ts';
import type { ServiceResource } from '../../core/schema/table-definition.ts';
import { type MetricRows, toMetricRows } from '../export/otel-metric-rows.ts';

/** Converts the metrics of one export to rows. Cumulative points become deltas. */
export function convertMetrics(
  metrics: OtelResourceMetrics,
  transaction: SeriesTransaction,
  resource: ServiceResource,
): MetricRows {
  const scopes = metrics.scopes.map(({ scope, metrics: list }) => ({
    scope: { name: scope.name, version: scope.version, schemaUrl: scope.schemaUrl },
    metrics: list.map((metric) => toSdkMetric(toDelta(metric, scope, transaction))),
  }));
  const { 'service.name': name, 'service.instance.id': instance } = metrics.resource;
  return toMetricRows(scopes as unknown as ScopeMetrics[], {
    ...resource,
    ...(typeof name === 'string' && { service: name }),
    ...(typeof instance === 'string' && { instance }),
  });
}

function toDelta(metric: OtelMetric, scope: OtelScope, transaction: SeriesTransaction): OtelMetric {
  const getKey = (attributes: object) => JSON.stringify([scope, metric.name, attributes]);
  const convert = <P extends { attributes: object }>(
    points: readonly P[],
    fn: (key: string, point: P) => { kind: string; point?: P },
  ) => points.flatMap((point) => fn(getKey(point.attributes), point).point ?? []);
  if (!('temporality' in metric) || metric.temporality !== 'cumulative') return metric;
  switch (metric.kind) {
    case 'sum':
      return metric.isMonotonic
        ? { ...metric, points: convert(metric.points, (k, p) => transaction.convertNumber(k, p)) }
        : metric;
    case 'histogram':
      return {
        ...metric,
        points: convert(metric.points, (k, p) => transaction.convertHistogram(k, p)),
      };
    case 'exponentialHistogram':
      return {
        ...metric,
        points: convert(metric.points, (k, p) => transaction.convertExponentialHistogram(k, p)),
      };
  }
}

const TYPES = { histogram: 0, exponentialHistogram: 1, gauge: 2, sum: 3, summary: 4, empty: 5 };

function toSdkMetric(metric: OtelMetric) {
  const toTime = (ms: number) => [Math.floor(ms / 1000), (ms % 1000) * 1e6];
  return {
    descriptor: { name: metric.name, unit: metric.unit },
    dataPointType: TYPES[metric.kind],
    dataPoints: metric.points.map((point) => ({
      attributes: point.attributes,
      startTime: toTime(point.startTimeMs),
      endTime: toTime(point.timeMs),
      value:
        'value' in point
          ? point.value
          : 'bounds' in point
            ? { ...point, buckets: { boundaries: point.bounds, counts: point.bucketCounts } }
            : point,
    })),
  };
}
