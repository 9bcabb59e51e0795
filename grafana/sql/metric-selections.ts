import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import { TENANT_AND_SERVICE } from './select-metrics.ts';
import type { MetricSelection } from './total-queries.ts';

/** Requests, with a filter for endpoints. */
export const REQUESTS: MetricSelection = {
  type: PerformanceMetricType.API_RESPONSE_TIME,
  by: [...TENANT_AND_SERVICE, 'endpoint'],
};
/** Long-lived responses such as server-sent events and downloads. They aren't part of `REQUESTS`. */
export const STREAMS: MetricSelection = {
  ...REQUESTS,
  type: PerformanceMetricType.API_STREAM_DURATION,
};
/** Requests in dashboards without a filter for endpoints. */
export const ALL_REQUESTS: MetricSelection = { type: PerformanceMetricType.API_RESPONSE_TIME };
/** Calls to other hosts. Their endpoint is the host, so the filter for endpoints doesn't apply. */
export const OUTGOING_CALLS: MetricSelection = {
  type: PerformanceMetricType.OUTGOING_REQUEST_TIME,
};
export const STATEMENTS: MetricSelection = { type: PerformanceMetricType.DATABASE_QUERY_TIME };
