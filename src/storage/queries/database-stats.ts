import type { QueryClient } from '../questdb/query-client.ts';
import { queryRunningGauges } from './gauge-values.ts';
import {
  queryDistributionTotals,
  querySlowest,
  type SlowestOperation,
  toStatementName,
} from './operation-totals.ts';
import type { Query } from './query-definition.ts';

/** Statistics of database queries. Times in ms, rates and shares in percent. */
export interface DatabaseStats {
  /** Number of statements. */
  count: number;
  /** Statements per second. */
  rate: number;
  /** Mean duration, in ms. */
  average: number | undefined;
  /** 95th percentile of the durations, in ms. */
  p95: number | undefined;
  /** Share of failed statements, in percent. */
  errorRate: number | undefined;
  /**
   * Number of used and idle connections at the end of the range, in all pools of the running processes.
   */
  connections: number | undefined;
  /** Share of queries that took more than 500 ms, in percent. */
  slowShare: number | undefined;
  /** The 10 statements with the longest mean duration. */
  slowestOperations: SlowestOperation[];
  /** @deprecated The same as `average`. */
  averageQueryTime: number | undefined;
  /** @deprecated The same as `p95`. */
  p95QueryTime: number | undefined;
  /** @deprecated The same as `slowShare`. */
  slowQueryShare: number | undefined;
}

export const SLOW_QUERY_MS = 500;
const QUERY_TIME_METRIC = { metricType: 'DATABASE_QUERY_TIME' } as const;
const CONNECTIONS_METRIC = { metricType: 'DATABASE_CONNECTIONS' } as const;

export async function queryDatabaseStats(
  queryClient: QueryClient,
  query: Query,
): Promise<DatabaseStats> {
  const ungrouped = { ...query, groupBy: [], step: undefined };
  const [[totals], pools, slowestOperations] = await Promise.all([
    queryDistributionTotals(queryClient, ungrouped, QUERY_TIME_METRIC),
    queryRunningGauges(
      queryClient,
      { ...ungrouped, groupBy: ['instance', 'endpoint', 'operation'] },
      CONNECTIONS_METRIC,
    ),
    querySlowest(queryClient, ungrouped, QUERY_TIME_METRIC, toStatementName),
  ]);
  const share = totals?.distribution.computeShareAbove(SLOW_QUERY_MS);
  const average = totals?.average;
  const p95 = totals?.p95;
  const slowShare = share === undefined ? undefined : 100 * share;
  return {
    count: totals?.count ?? 0,
    rate: totals?.rate ?? 0,
    average,
    p95,
    errorRate: totals?.errorRate,
    connections:
      pools.length > 0 ? pools.reduce((sum, { last }) => sum + (last ?? 0), 0) : undefined,
    slowShare,
    slowestOperations,
    averageQueryTime: average,
    p95QueryTime: p95,
    slowQueryShare: slowShare,
  };
}
