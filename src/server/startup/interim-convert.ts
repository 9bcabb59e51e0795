import type { ScopeMetrics } from '@opentelemetry/sdk-metrics';
import { toMetricRows } from '../../agent/export/otel-metric-rows.ts';
import type { OtelMetric, OtelResourceMetrics } from '../../core/otel/metric-data.ts';
import type { AnyRow } from '../../core/schema/table-definition.ts';
import type { ConvertContext, ConvertedData } from '../otlp/otlp-service.ts';

const TYPES = { histogram: 0, exponentialHistogram: 1, gauge: 2, sum: 3, summary: 4, empty: 5 };

/** Temporary, until the shared mapping exists. */
export function interimMetrics(
  resources: readonly OtelResourceMetrics[],
  { transaction, organizationId, nowMs }: ConvertContext,
): ConvertedData {
  const metricRows: AnyRow[] = [];
  const bucketRows: AnyRow[] = [];
  const rejected = new Map<string, number>();
  const ignored = new Map<string, number>();
  const add = (map: Map<string, number>, reason: string) =>
    map.set(reason, (map.get(reason) ?? 0) + 1);
  for (const { resource, scopes } of resources) {
    const scopeMetrics = scopes.map(({ scope, metrics }) => ({
      scope,
      metrics: metrics.map((metric) => {
        const points = metric.points.flatMap((point) => {
          if (point.timeMs <= 0) return (add(rejected, 'invalid_timestamp'), []);
          if (point.timeMs < nowMs - 30 * 86_400_000) return (add(rejected, 'too_old'), []);
          if (point.timeMs > nowMs + 600_000) return (add(rejected, 'future_timestamp'), []);
          if ('value' in point && !Number.isFinite(point.value))
            return (add(rejected, 'not_finite'), []);
          if (!('temporality' in metric) || metric.temporality !== 'cumulative') return [point];
          const key = JSON.stringify([resource, scope, metric.name, point.attributes]);
          const result =
            metric.kind === 'sum'
              ? transaction.convertNumber(key, point as never)
              : metric.kind === 'histogram'
                ? transaction.convertHistogram(key, point as never)
                : transaction.convertExponentialHistogram(key, point as never);
          if (result.kind === 'ignored') return (add(ignored, result.reason), []);
          return [result.point];
        });
        return toSdkMetric({ ...metric, points } as OtelMetric);
      }),
    }));
    const rows = toMetricRows(scopeMetrics as unknown as ScopeMetrics[], {
      service: String(resource['service.name']),
      instance: String(resource['service.instance.id']),
      ...{ serviceVersion: resource['service.version'] as never },
      ...{ environment: resource['deployment.environment.name'] as never },
    });
    for (const row of rows.metrics)
      metricRows.push({ ...row, ...(organizationId && { organizationId }) } as unknown as AnyRow);
    for (const row of rows.buckets)
      bucketRows.push({ ...row, ...(organizationId && { organizationId }) } as unknown as AnyRow);
  }
  const tables = new Map([
    ['performance_metrics', metricRows],
    ['metric_buckets', bucketRows],
  ] as const);
  return { tables, rejected, ignored };
}

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
