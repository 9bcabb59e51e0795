import type { QueryClient } from '../questdb/query-client.ts';
import { queryGauges } from './gauge-values.ts';
import { queryDistributionTotals, querySlowest, type SlowestOperation } from './metric-totals.ts';
import type { Query } from './query.ts';

/** Times in ms, `slowQueryShare` in percent. */
export interface DatabaseStats {
  count: number;
  /** Statements per second. */
  rate: number;
  averageQueryTime: number | undefined;
  p95QueryTime: number | undefined;
  errorRate: number | undefined;
  /** Used and idle ones of all pools and processes together. */
  connections: number | undefined;
  /** Share of the queries that took more than 500 ms. */
  slowQueryShare: number | undefined;
  slowestOperations: SlowestOperation[];
}

export const SLOW_QUERY_MS = 500;
const QUERY_TIME_METRIC = { metricType: 'DATABASE_QUERY_TIME' } as const;
const CONNECTIONS_METRIC = { metricType: 'DATABASE_CONNECTIONS' } as const;

export async function queryDatabaseStats(
  store: QueryClient,
  question: Query,
): Promise<DatabaseStats> {
  const everything = { ...question, groupBy: [], step: undefined };
  const [[all], pools, slowestOperations] = await Promise.all([
    queryDistributionTotals(store, everything, QUERY_TIME_METRIC),
    queryGauges(
      store,
      { ...everything, groupBy: ['instance', 'endpoint', 'operation'] },
      CONNECTIONS_METRIC,
    ),
    querySlowest(store, everything, QUERY_TIME_METRIC),
  ]);
  const share = all?.distribution.computeShareAbove(SLOW_QUERY_MS);
  return {
    count: all?.count ?? 0,
    rate: all?.rate ?? 0,
    averageQueryTime: all?.average,
    p95QueryTime: all?.p95,
    errorRate: all?.errorRate,
    connections:
      pools.length > 0 ? pools.reduce((sum, { average }) => sum + (average ?? 0), 0) : undefined,
    slowQueryShare: share === undefined ? undefined : 100 * share,
    slowestOperations,
  };
}
