import { MINUTE_MS } from '../../core/duration.ts';
import { narrowScope, type TenantScope, UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { type Comparison, computeTrend, queryBothRanges, type Trend } from './comparison.ts';
import { type DatabaseStats, queryDatabaseStats } from './database-stats.ts';
import { type ProcessHealth, queryProcessHealth } from './host-health.ts';
import {
  omitDistribution,
  type PercentileTotals,
  queryDistributionTotals,
  querySlowest,
  queryTotals,
  type SlowestOperation,
} from './metric-totals.ts';
import type { Query } from './query.ts';
import { getLastRange, getRangeUntilNow, getRowsRevision } from './query-range.ts';
import { type QueueStats, queryQueueStats } from './queue-stats.ts';
import { cacheResult } from './result-cache.ts';

export interface Trends {
  responseTime: Trend;
  p95ResponseTime: Trend;
  /** Per second. */
  requestRate: Trend;
  errorRate: Trend;
  queryTime: Trend;
}

const RESPONSE_TIME_METRIC = { metricType: 'API_RESPONSE_TIME' } as const;
const QUERY_TIME_METRIC = { metricType: 'DATABASE_QUERY_TIME' } as const;

/** How the main figures of a range have changed. Times in ms, `errorRate` in percent. */
export async function queryTrends(
  store: QueryClient,
  question: Query,
  comparison: Comparison,
  zone: string,
): Promise<Trends> {
  const together = { ...question, groupBy: [], step: undefined };
  const [[api, apiBefore], [database, databaseBefore]] = await Promise.all([
    queryBothRanges(
      together,
      comparison,
      zone,
      async (q) => (await queryDistributionTotals(store, q, RESPONSE_TIME_METRIC))[0],
    ),
    queryBothRanges(
      together,
      comparison,
      zone,
      async (q) => (await queryTotals(store, q, QUERY_TIME_METRIC))[0],
    ),
  ]);
  return {
    responseTime: computeTrend(api?.average, apiBefore?.average),
    p95ResponseTime: computeTrend(api?.p95, apiBefore?.p95),
    requestRate: computeTrend(api?.rate, apiBefore?.rate),
    errorRate: computeTrend(api?.errorRate, apiBefore?.errorRate),
    queryTime: computeTrend(database?.average, databaseBefore?.average),
  };
}

/** What an application asks of its own data. */
export interface DashboardOptions {
  /** Default: 15 minutes. */
  windowMs?: number;
  /** End of the window; default now. */
  now?: Date;
  /** Only rows of this organization, or property. Default: of all. */
  organizationId?: string;
  propertyId?: string;
  /** Count rows of tests as well. */
  includeTest?: boolean;
}

/** Times in ms, rates per second, shares in percent. Undefined is "nothing reported". */
interface RequestStats
  extends Partial<Omit<PercentileTotals, 'group' | 'bucket' | 'count' | 'rate'>> {
  count: number;
  rate: number;
  slowestEndpoints: SlowestOperation[];
}

export interface Dashboard {
  from: Date;
  to: Date;
  api: RequestStats;
  database: DatabaseStats;
  queues: QueueStats[];
  systemHealth: ProcessHealth[];
  trends: Trends;
}

const REQUESTS_METRIC = { metricType: 'API_RESPONSE_TIME' } as const;

/** The question that an application's options mean, within `scope`. */
export function toDashboardQuery(
  options: DashboardOptions = {},
  scope: TenantScope = UNRESTRICTED_SCOPE,
): Query {
  const { windowMs = 15 * MINUTE_MS, now, includeTest } = options;
  const range = now ? getLastRange(windowMs, now.getTime()) : getRangeUntilNow(windowMs);
  return { scope: narrowScope(scope, options), range, includeTest };
}

/** All figures of a range, each from QuestDB. What nothing has reported is undefined or empty. */
export function queryDashboard(
  store: QueryClient,
  question: Query,
  zone: string,
  comparison: Comparison = 'previous',
): Promise<Dashboard> {
  const key = JSON.stringify([question, zone, comparison]);
  return cacheResult(store, key, getRowsRevision(question.range), () =>
    loadDashboard(store, question, zone, comparison),
  );
}

async function loadDashboard(
  store: QueryClient,
  question: Query,
  zone: string,
  comparison: Comparison,
): Promise<Dashboard> {
  const { fromMs, toMs } = question.range;
  const [api, database, queues, systemHealth, changes] = await Promise.all([
    queryRequestStats(store, question),
    queryDatabaseStats(store, question),
    queryQueueStats(store, question),
    queryProcessHealth(store, question),
    queryTrends(store, question, comparison, zone),
  ]);
  return {
    from: new Date(fromMs),
    to: new Date(toMs),
    api,
    database,
    queues,
    systemHealth,
    trends: changes,
  };
}

async function queryRequestStats(store: QueryClient, question: Query): Promise<RequestStats> {
  const [[all], slowestEndpoints] = await Promise.all([
    queryDistributionTotals(store, { ...question, groupBy: [], step: undefined }, REQUESTS_METRIC),
    querySlowest(store, question, REQUESTS_METRIC),
  ]);
  if (!all) return { count: 0, rate: 0, slowestEndpoints };
  const { group: _, bucket: __, ...figures } = omitDistribution(all);
  return { ...figures, slowestEndpoints };
}
