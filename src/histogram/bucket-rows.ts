import type { MetricBucket } from '../schema/metric-buckets.ts';
import type { PerformanceMetric } from '../schema/performance-metrics.ts';
import type { Buckets } from './buckets.ts';

/** The buckets as rows with the dimensions of `row`, under `point`, at `timestamp`. */
export function bucketRows(
  row: PerformanceMetric,
  buckets: Buckets,
  point: number,
  timestamp: number,
): MetricBucket[] {
  const { metricType, name, endpoint, operation, organizationId, propertyId, test } = row;
  const { service, serviceVersion, environment, instance } = row;
  return [...buckets].map(([bucketUpper, { count, errorCount }]) => ({
    timestamp,
    point,
    bucketUpper,
    count,
    errorCount,
    metricType,
    name,
    test,
    endpoint,
    operation,
    organizationId,
    propertyId,
    service,
    serviceVersion,
    environment,
    instance,
  }));
}
