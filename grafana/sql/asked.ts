import { PerformanceMetricType } from '../../src/schema/metric-type.ts';
import { TENANT_AND_SERVICE } from './select.ts';
import type { Asked } from './work.ts';

/** Requests, narrowed by endpoint too. */
export const REQUESTS: Asked = {
  type: PerformanceMetricType.API_RESPONSE_TIME,
  by: [...TENANT_AND_SERVICE, 'endpoint'],
};
/** Where a dashboard has no variable for endpoints. */
export const ALL_REQUESTS: Asked = { type: PerformanceMetricType.API_RESPONSE_TIME };
export const STATEMENTS: Asked = { type: PerformanceMetricType.DATABASE_QUERY_TIME };
