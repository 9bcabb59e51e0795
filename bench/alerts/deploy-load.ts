import { computeStoredBound } from '../../src/core/histogram/histogram-buckets.ts';
import type { MetricBucketRow } from '../../src/core/schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../../src/core/schema/tables/performance-metrics-table.ts';

/** Number of services that are deployed at the same time. */
export const DEPLOYED_SERVICES = 4;
/** Number of endpoints, and number of statements, of each deployed service. */
const ENDPOINTS = 30;
const TYPES = ['API_RESPONSE_TIME', 'DATABASE_QUERY_TIME'] as const;
const TENANTS = 3;
const MINUTE_MS = 60_000;
const HISTORY_MINUTES = 60;
const BUCKETS = 12;
const REQUESTS = 120;

/**
 * Creates the rows of one minute of the deployed services: one row for each tenant of each endpoint and statement, with
 * `BUCKETS` bucket rows.
 *
 * @param minute minutes after the deploy. Negative minutes belong to the old version.
 */
function makeMinute(deployMs: number, minute: number) {
  const metrics: PerformanceMetricRow[] = [];
  const buckets: MetricBucketRow[] = [];
  for (let i = 0; i < DEPLOYED_SERVICES * ENDPOINTS * TYPES.length * TENANTS; i += 1) {
    const tenant = i % TENANTS;
    const metricType = TYPES[Math.floor(i / TENANTS) % TYPES.length]!;
    const endpoint = Math.floor(i / TENANTS / TYPES.length) % ENDPOINTS;
    const service = `deployed-${Math.floor(i / TENANTS / TYPES.length / ENDPOINTS)}`;
    const names = {
      ...{ metricType, service, serviceVersion: minute < 0 ? '1.0.0' : '1.1.0' },
      ...{ endpoint: `/endpoint-${endpoint}`, operation: 'GET', instance: `${service}-1` },
      ...{ organizationId: `tenant-${tenant}`, name: 'bench', test: false },
    };
    // Bell-shaped, with a factor for each minute. The first endpoint becomes 50 % slower.
    const noise = 1 + 0.02 * Math.sin(i + 7 * minute);
    const factor = noise * (minute >= 0 && endpoint === 0 ? 1.5 : 1);
    const timestamp = deployMs + minute * MINUTE_MS + (i % 1000);
    let sum = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const count = REQUESTS / BUCKETS;
      const ms = 40 * factor * Math.exp(0.15 * (bucket - BUCKETS / 2));
      sum += count * ms;
      buckets.push({
        ...{ ...names, timestamp, point: i, count, errorCount: 0 },
        bucketUpper: computeStoredBound(ms, 1000),
      });
    }
    const value = sum / REQUESTS;
    metrics.push({
      ...{ ...names, timestamp, id: `deployed-${i}`, unit: 'ms', value, sum },
      ...{ count: REQUESTS, errorCount: 0, min: value / 2, max: value * 3 },
    });
  }
  return { metrics, buckets };
}

/** Yields the rows of each minute from one hour before the deploy until `minutes` after the deploy. */
export function* makeDeployRows(deployMs: number, minutes: number) {
  for (let minute = -HISTORY_MINUTES; minute < minutes; minute += 1) {
    yield makeMinute(deployMs, minute);
  }
}
