import { createHash } from 'node:crypto';
import type { OtelResourceMetrics } from '../../core/otel/metric-data.ts';
import type { AnyRow } from '../../core/schema/table-definition.ts';
import type { ConvertContext, ConvertedData } from '../otlp/otlp-service.ts';

export function interimMetrics(
  resources: readonly OtelResourceMetrics[],
  { transaction, organizationId, nowMs }: ConvertContext,
): ConvertedData {
  const rows: AnyRow[] = [];
  const rejected = new Map<string, number>();
  const ignored = new Map<string, number>();
  const add = (map: Map<string, number>, reason: string) =>
    map.set(reason, (map.get(reason) ?? 0) + 1);
  for (const { resource, scopes } of resources)
    for (const { metrics } of scopes)
      for (const metric of metrics)
        for (const point of metric.points) {
          const key = JSON.stringify([resource, metric.name, point.attributes]);
          if (point.timeMs < nowMs - 30 * 86_400_000) {
            add(rejected, 'too_old');
            continue;
          }
          if (!('value' in point)) {
            add(rejected, 'not_supported');
            continue;
          }
          let value = point.value;
          let start = point.startTimeMs;
          if (metric.kind === 'sum' && metric.temporality === 'cumulative') {
            const c = transaction.convertNumber(key, point);
            if (c.kind === 'ignored') {
              add(ignored, c.reason);
              continue;
            }
            value = c.point.value;
            start = c.startTimeMs;
          }
          const id = `${createHash('sha1').update(key).digest('hex')}-${(start || point.timeMs).toString(36)}`;
          rows.push({
            timestamp: point.timeMs,
            id,
            metricType: 'CUSTOM',
            name: metric.name,
            value,
            sum: value,
            count: 1,
            unit: metric.unit,
            service: String(resource['service.name']),
            instance: String(resource['service.instance.id']),
            organizationId,
          } as never);
        }
  return { tables: new Map([['performance_metrics', rows]]), rejected, ignored };
}
