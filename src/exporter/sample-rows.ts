import type { SampledRequest } from '../instrumentation/request-sample.ts';
import { ABORTED } from '../schema/attributes.ts';
import type { Origin } from '../schema/dimensions.ts';
import { MOST_NAME_LENGTH } from '../schema/limits.ts';
import { PerformanceMetricType } from '../schema/metric-type.ts';
import type { PerformanceMetric } from '../schema/performance-metrics.ts';

/** Name of the rows of single requests. */
export const SAMPLE_NAME = 'http.server.request.sample';

/**
 * Single requests as rows of `performance_metrics`, with user and trace. The histograms have counted
 * these requests already, so the rows are part of no sum, count or percentile: their count is 0,
 * they have no buckets, and their type is not that of the histograms, which people average by hand.
 */
export function sampleRows(
  requests: readonly SampledRequest[],
  origin: Origin,
  nextId: () => string,
): PerformanceMetric[] {
  return requests.map(({ timestampMs, durationMs, method, scheme, route, status, ...rest }) => ({
    ...origin,
    id: nextId(),
    timestamp: timestampMs,
    metricType: PerformanceMetricType.CUSTOM,
    name: SAMPLE_NAME,
    unit: 'ms',
    value: durationMs,
    duration: durationMs,
    endpoint: route?.slice(0, MOST_NAME_LENGTH),
    operation: method,
    organizationId: rest.tenant?.organizationId,
    propertyId: rest.tenant?.propertyId,
    userId: rest.tenant?.userId,
    tags: JSON.stringify({
      'url.scheme': scheme,
      'http.response.status_code': status,
      'error.type': status !== undefined && status >= 500 ? String(status) : undefined,
      [ABORTED]: status === undefined ? true : undefined,
      trace_id: rest.traceId,
    }),
    count: 0,
    errorCount: 0,
    abortedCount: 0,
    test: false,
  }));
}
