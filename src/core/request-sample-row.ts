import { PerformanceMetricType } from './schema/enums.ts';
import { MAX_NAME_LENGTH, type ServiceResource } from './schema/table-definition.ts';
import type { PerformanceMetricRow } from './schema/tables/performance-metrics-table.ts';

/** Metric name of the rows for individual requests. */
export const REQUEST_SAMPLE_METRIC_NAME = 'http.server.request.sample';

/** One request, with its user and its trace. */
export interface RequestSample {
  /** End of the request, in ms since the epoch. */
  readonly timestampMs: number;
  readonly durationMs: number;
  readonly method: string | undefined;
  readonly scheme: string | undefined;
  readonly route: string | undefined;
  /** Undefined if there is no response. */
  readonly status: number | undefined;
  /** Undefined if the request didn't fail. */
  readonly errorType: string | undefined;
  /** 32 hexadecimal digits. */
  readonly traceId: string | undefined;
  readonly organizationId?: string | undefined;
  readonly propertyId?: string | undefined;
  readonly userId?: string | undefined;
  readonly otherTags?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Converts a sampled request to a row of `performance_metrics`, with user and trace. The histograms
 * already include this request, so the row must not change any sum, count, or percentile. Its
 * count is 0, it has no buckets, and its type is `CUSTOM`, so averages of request
 * times in SQL exclude it.
 */
export function createRequestSampleRow(
  sample: RequestSample,
  resource: ServiceResource,
  id: string,
): PerformanceMetricRow {
  const { timestampMs, durationMs, method, scheme, route, status, errorType, traceId } = sample;
  const { organizationId, propertyId, userId, otherTags } = sample;
  return {
    ...resource,
    id,
    timestamp: timestampMs,
    metricType: PerformanceMetricType.CUSTOM,
    name: REQUEST_SAMPLE_METRIC_NAME,
    unit: 'ms',
    value: durationMs,
    duration: durationMs,
    endpoint: route?.slice(0, MAX_NAME_LENGTH),
    operation: method?.slice(0, MAX_NAME_LENGTH),
    organizationId,
    propertyId,
    userId,
    tags: JSON.stringify({
      'url.scheme': scheme,
      'http.response.status_code': status,
      'error.type': errorType,
      ...otherTags,
      trace_id: traceId,
    }),
    count: 0,
    errorCount: 0,
    abortedCount: 0,
    test: false,
  };
}
