import type { Settings } from '../../core/config/parse-settings.ts';
import { DAY_MS } from '../../core/duration.ts';
import { MetricConverter } from '../../core/otel/metrics-to-rows.ts';
import { RequestSampleMemory } from '../../core/otel/request-sample-memory.ts';
import { SpanConverter } from '../../core/otel/spans-to-rows.ts';
import { getTenantAttributes } from '../../core/otel/tenant-attributes.ts';
import type { AnyRow } from '../../core/schema/table-definition.ts';
import { type TableName, toAnyRows } from '../../core/schema/table-registry.ts';
import type { ConvertContext, OtlpServiceOptions } from './otlp-service.ts';

/** Creates the functions that convert decoded requests to rows. */
export function createOtlpConversions(
  settings: Settings,
): Pick<OtlpServiceOptions, 'convertMetrics' | 'convertSpans'> {
  const common = {
    tenantAttributes: getTenantAttributes(settings),
    retentionMs: settings.retention.rawDays * DAY_MS,
    samples: new RequestSampleMemory(),
  };
  const metricConverter = new MetricConverter({
    ...common,
    thresholds: {
      responseTimeWarning: settings.PERFORMANCE_RESPONSE_TIME_WARNING,
      responseTimeCritical: settings.PERFORMANCE_RESPONSE_TIME_CRITICAL,
      errorRate: settings.PERFORMANCE_ERROR_RATE_THRESHOLD,
    },
  });
  const spanConverter = new SpanConverter(common);
  return {
    convertMetrics: (resources, context) => {
      const { metrics, buckets, health, ...counts } = metricConverter.convert(
        resources,
        toConversionContext(context),
      );
      const tables = new Map<TableName, readonly AnyRow[]>([
        ['performance_metrics', toAnyRows(metrics)],
        ['metric_buckets', toAnyRows(buckets)],
        ['system_health', toAnyRows(health)],
      ]);
      return { tables, ...counts };
    },
    convertSpans: (resources, context) => {
      const { metrics, buckets, errors, ...counts } = spanConverter.convert(
        resources,
        toConversionContext(context),
      );
      const tables = new Map<TableName, readonly AnyRow[]>([
        ['performance_metrics', toAnyRows(metrics)],
        ['metric_buckets', toAnyRows(buckets)],
        ['error_logs', toAnyRows(errors)],
      ]);
      return { tables, ...counts };
    },
  };
}

function toConversionContext({ transaction, organizationId, nowMs }: ConvertContext) {
  return { transaction, senderOrganizationId: organizationId, nowMs };
}
