import { MINUTE_MS } from '../../core/duration.ts';
import { narrowScope, type TenantScope, UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { type Comparison, computeTrend, queryBothRanges, type Trend } from './comparison.ts';
import { type DatabaseStats, queryDatabaseStats } from './database-stats.ts';
import { type ProcessHealth, queryProcessHealth } from './host-health.ts';
import {
  queryDistributionTotals,
  querySlowest,
  queryTotals,
  type SlowestOperation,
  toRouteName,
} from './operation-totals.ts';
import type { Query } from './query-definition.ts';
import { type QueueStats, queryQueueStats } from './queue-stats.ts';
import {
  queryRequestDistributionTotals,
  queryRequestTotals,
  REQUESTS_METRIC,
  type RequestDistributionTotals,
  STREAMS_METRIC,
  type StreamStats,
  toStreamStats,
} from './request-totals.ts';
import { cacheResult } from './result-cache.ts';
import { getLastRange, getRangeUntilNow, getRowsRevision } from './time-range.ts';

/** Main metrics of a window, compared with the preceding window. */
export interface Trends {
  /** Mean duration of requests, in ms. */
  responseTime: Trend;
  /** 95th percentile of the durations of requests, in ms. */
  p95ResponseTime: Trend;
  /** Requests per second. */
  requestRate: Trend;
  /** Share of failed requests, in percent. */
  errorRate: Trend;
  /** Mean duration of database queries, in ms. */
  queryTime: Trend;
}

const QUERY_TIME_METRIC = { metricType: 'DATABASE_QUERY_TIME' } as const;

/** Compares the main metrics of two ranges. Times are in ms, and `errorRate` is in percent. */
export async function queryTrends(
  queryClient: QueryClient,
  query: Query,
  comparison: Comparison,
  zone: string,
): Promise<Trends> {
  const ungrouped = { ...query, groupBy: [], step: undefined };
  const [[api, previousApi], [database, previousDatabase]] = await Promise.all([
    queryBothRanges(
      ungrouped,
      comparison,
      zone,
      async (q) => (await queryDistributionTotals(queryClient, q, REQUESTS_METRIC))[0],
    ),
    queryBothRanges(
      ungrouped,
      comparison,
      zone,
      async (q) => (await queryTotals(queryClient, q, QUERY_TIME_METRIC))[0],
    ),
  ]);
  return {
    responseTime: computeTrend(api?.average, previousApi?.average),
    p95ResponseTime: computeTrend(api?.p95, previousApi?.p95),
    requestRate: computeTrend(api?.rate, previousApi?.rate),
    errorRate: computeTrend(api?.errorRate, previousApi?.errorRate),
    queryTime: computeTrend(database?.average, previousDatabase?.average),
  };
}

/** Options of `getDashboard` and `getTrends`. */
export interface DashboardOptions {
  /** Length of the window in ms, up to 100 years. Default: 900,000 (15 minutes). */
  windowMs?: number;
  /** End of the window. Default: now. */
  now?: Date;
  /** Return only data of this organization. Default: all organizations. */
  organizationId?: string;
  /** Return only data of this property. Default: all properties. */
  propertyId?: string;
  /** Include test data. Default: `false`. */
  includeTest?: boolean;
}

/**
 * Statistics of requests. Times in ms, rates per second, shares in percent. A value is `undefined` if it was not reported.
 */
export interface RequestStats
  extends Partial<
    Omit<RequestDistributionTotals, 'group' | 'bucket' | 'count' | 'rate' | 'distribution'>
  > {
  /** Number of requests. */
  count: number;
  /** Requests per second. */
  rate: number;
  /** The 10 endpoints with the longest mean duration. */
  slowestEndpoints: SlowestOperation[];
  /** Streams, which the other values don't contain. Missing if no stream has ended. */
  streams?: StreamStats;
}

/** Metrics of a time window. Times are in ms, rates are per second, and shares are in percent. */
export interface Dashboard {
  /** Start of the window. */
  from: Date;
  /** End of the window. */
  to: Date;
  /** Statistics of requests. */
  api: RequestStats;
  /** Statistics of database queries. */
  database: DatabaseStats;
  /** Statistics of each queue, sorted by name. */
  queues: QueueStats[];
  /** Latest health of each running process. Empty if the query is limited to a tenant. */
  systemHealth: ProcessHealth[];
  /** The window compared with the preceding window. */
  trends: Trends;
}

/** Converts the options to a query within `scope`. */
export function toDashboardQuery(
  options: DashboardOptions = {},
  scope: TenantScope = UNRESTRICTED_SCOPE,
): Query {
  const { windowMs = 15 * MINUTE_MS, now, includeTest } = options;
  const range = now ? getLastRange(windowMs, now.getTime()) : getRangeUntilNow(windowMs);
  return { scope: narrowScope(scope, options), range, includeTest };
}

/** Returns all metrics of a range. Metrics that were not reported are `undefined` or empty. */
export function queryDashboard(
  queryClient: QueryClient,
  query: Query,
  zone: string,
  comparison: Comparison = 'previous',
): Promise<Dashboard> {
  const key = JSON.stringify([query, zone, comparison]);
  return cacheResult(queryClient, key, getRowsRevision(query.range), () =>
    loadDashboard(queryClient, query, zone, comparison),
  );
}

async function loadDashboard(
  queryClient: QueryClient,
  query: Query,
  zone: string,
  comparison: Comparison,
): Promise<Dashboard> {
  const { fromMs, toMs } = query.range;
  const [api, database, queues, systemHealth, trends] = await Promise.all([
    queryRequestStats(queryClient, query),
    queryDatabaseStats(queryClient, query),
    queryQueueStats(queryClient, query),
    queryProcessHealth(queryClient, query),
    queryTrends(queryClient, query, comparison, zone),
  ]);
  return {
    from: new Date(fromMs),
    to: new Date(toMs),
    api,
    database,
    queues,
    systemHealth,
    trends,
  };
}

async function queryRequestStats(queryClient: QueryClient, query: Query): Promise<RequestStats> {
  const ungrouped = { ...query, groupBy: [], step: undefined };
  const [[totals], [streamTotals], slowestEndpoints] = await Promise.all([
    queryRequestDistributionTotals(queryClient, ungrouped),
    queryRequestTotals(queryClient, ungrouped, STREAMS_METRIC),
    querySlowest(queryClient, query, REQUESTS_METRIC, toRouteName),
  ]);
  const streams = streamTotals && { streams: toStreamStats(streamTotals) };
  if (!totals) return { count: 0, rate: 0, slowestEndpoints, ...streams };
  const { group: _, bucket: __, distribution: ___, ...stats } = totals;
  return { ...stats, slowestEndpoints, ...streams };
}
