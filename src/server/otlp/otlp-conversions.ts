import type { Settings } from '../../core/config/parse-settings.ts';
import { DAY_MS } from '../../core/duration.ts';
import { readHealthThresholds } from '../../core/health-status.ts';
import { ATTR_STORE_ID } from '../../core/otel/mapping/resource-mapping.ts';
import { getTenantAttributes } from '../../core/otel/mapping/tenant-attributes.ts';
import type { OtelResourceMetrics } from '../../core/otel/metric-data.ts';
import { MetricConverter } from '../../core/otel/rows/metrics-to-rows.ts';
import { RequestSampleMemory } from '../../core/otel/rows/request-sample-memory.ts';
import { SpanConverter } from '../../core/otel/rows/spans-to-rows.ts';
import type { AnyRow } from '../../core/schema/table-definition.ts';
import { type TableName, toAnyRows } from '../../core/schema/table-registry.ts';
import type { ConvertContext, OtlpServiceOptions } from './otlp-service.ts';

/**
 * Creates the functions that convert decoded requests to rows.
 *
 * @param getStoreIds returns the IDs of the server's store. Metrics from agents that write to this store are ignored.
 */
export function createOtlpConversions(
  settings: Settings,
  getStoreIds: () => readonly string[] = () => [],
): Pick<OtlpServiceOptions, 'convertMetrics' | 'convertSpans'> {
  const common = {
    tenantAttributes: getTenantAttributes(settings),
    retentionMs: settings.retention.rawDays * DAY_MS,
    samples: new RequestSampleMemory(),
  };
  const metricConverter = new MetricConverter({
    ...common,
    thresholds: readHealthThresholds(settings),
  });
  const spanConverter = new SpanConverter(common);
  return {
    convertMetrics: (resources, context) => {
      const { remaining, ignoredPoints } = removeStoredDirectly(resources, getStoreIds);
      const { metrics, buckets, health, ignored, ...counts } = metricConverter.convert(
        remaining,
        toConversionContext(context),
      );
      const tables = new Map<TableName, readonly AnyRow[]>([
        ['performance_metrics', toAnyRows(metrics)],
        ['metric_buckets', toAnyRows(buckets)],
        ['system_health', toAnyRows(health)],
      ]);
      const directly: [string, number][] =
        ignoredPoints > 0 ? [['stored_directly', ignoredPoints]] : [];
      return { tables, ...counts, ignored: new Map([...ignored, ...directly]) };
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

/** Removes the resources of agents that write rows with the same values to this server's store. */
function removeStoredDirectly(
  resources: readonly OtelResourceMetrics[],
  getStoreIds: () => readonly string[],
): { readonly remaining: readonly OtelResourceMetrics[]; readonly ignoredPoints: number } {
  const getStoreId = ({ resource }: OtelResourceMetrics) => resource[ATTR_STORE_ID];
  // Most senders write no rows.
  if (resources.every((each) => getStoreId(each) === undefined)) {
    return { remaining: resources, ignoredPoints: 0 };
  }
  const ids = new Set<unknown>(getStoreIds());
  let ignoredPoints = 0;
  const remaining = resources.filter((each) => {
    if (!ids.has(getStoreId(each))) return true;
    const metrics = each.scopes.flatMap((scope) => scope.metrics);
    ignoredPoints += metrics.reduce((sum, { points }) => sum + points.length, 0);
    return false;
  });
  return { remaining, ignoredPoints };
}

function toConversionContext({ transaction, organizationId, nowMs }: ConvertContext) {
  return { transaction, senderOrganizationId: organizationId, nowMs };
}
