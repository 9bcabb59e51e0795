import type { TenantScope } from '../../core/tenant-scope.ts';
import {
  COUNT,
  createColumnSum,
  createSum,
  METRICS_TABLE,
  VALUE_AGGREGATIONS,
} from '../../storage/queries/aggregation-tables.ts';
import { queryDistributions, toMetricConditions } from '../../storage/queries/operation-totals.ts';
import { type Filter, type Query, toGroupKey } from '../../storage/queries/query-definition.ts';
import { toNumber } from '../../storage/queries/row-values.ts';
import { runQuery } from '../../storage/queries/run-query.ts';
import type { TimeRange } from '../../storage/queries/time-range.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import { sql } from '../../storage/sql/sql-builder.ts';
import { IMPACT_STEP_MS } from './analyze-impact.ts';
import type { ImpactInterval } from './impact-interval.ts';
import type { ImpactSelection, ImpactSource, ImpactStatistic } from './impact-query.ts';

const REQUESTS = { metricType: 'API_RESPONSE_TIME' } as const;

/**
 * Reads the outcomes, the exposure, and the latency of each interval of 10 minutes in a scope.
 *
 * @throws PS_REQUEST_TOO_LARGE, PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function readImpactIntervals(
  queryClient: QueryClient,
  { service, outcome, exposure, latency, statistic }: ImpactSelection,
  range: TimeRange,
  scope: TenantScope,
): Promise<ImpactInterval[]> {
  const query: Query = {
    scope,
    range,
    filter: { service: [service] },
    step: { ms: IMPACT_STEP_MS, zone: 'utc' },
  };
  const [outcomes, exposures, latencies] = await Promise.all([
    readCounts(queryClient, query, outcome, true),
    readCounts(queryClient, query, exposure, false),
    readLatencies(queryClient, query, latency, statistic),
  ]);
  return [...exposures].map(([atMs, count]) => ({
    atMs,
    exposure: count,
    outcome: outcomes.get(atMs) ?? 0,
    latencyMs: latencies.get(atMs),
  }));
}

/** @param isOutcome whether only successful requests count */
async function readCounts(
  queryClient: QueryClient,
  query: Query,
  source: ImpactSource,
  isOutcome: boolean,
): Promise<Map<number, number>> {
  if (source.kind === 'activeUsers') return readActiveUsers(queryClient, query);
  if (source.kind === 'metric') return readMetricSums(queryClient, query, source.name);
  const narrowed = narrow(query, source);
  const results = await runQuery(queryClient, METRICS_TABLE, narrowed, {
    aggregations: {
      count: COUNT,
      errors: createSum(sql`sum(error_count)`),
      successes: createColumnSum('count_2xx'),
    },
    conditions: toMetricConditions(REQUESTS, narrowed.filter),
  });
  return new Map(
    results.flatMap(({ bucket, row }) => {
      const count = toNumber(row.count) ?? 0;
      // Older agents record no status classes.
      const successes = toNumber(row.successes) ?? count - (toNumber(row.errors) ?? 0);
      return bucket ? [[bucket.fromMs, isOutcome ? successes : count] as const] : [];
    }),
  );
}

/** Returns the sum of a histogram's or a counter's values, by the start of the interval. */
async function readMetricSums(
  queryClient: QueryClient,
  query: Query,
  name: string,
): Promise<Map<number, number>> {
  const results = await runQuery(queryClient, METRICS_TABLE, query, {
    aggregations: {
      total: createSum(sql`sum(coalesce(sum, value))`, sql`sum(coalesce(sum, value_sum))`),
    },
    conditions: toMetricConditions({ metricType: 'CUSTOM', names: [name] }),
  });
  return new Map(
    results.flatMap(({ bucket, row }) => {
      const total = toNumber(row.total);
      return bucket && total !== undefined ? [[bucket.fromMs, total] as const] : [];
    }),
  );
}

/** Returns the sum of the mean values of all processes and properties. */
async function readActiveUsers(
  queryClient: QueryClient,
  query: Query,
): Promise<Map<number, number>> {
  const { samples, value_total } = VALUE_AGGREGATIONS;
  const results = await runQuery(
    queryClient,
    METRICS_TABLE,
    { ...query, groupBy: ['instance', 'organization', 'property'] },
    {
      aggregations: { samples, value_total },
      conditions: toMetricConditions({ metricType: 'ACTIVE_USERS' }),
    },
  );
  const users = new Map<number, number>();
  for (const { bucket, row } of results) {
    const count = toNumber(row.samples) ?? 0;
    if (!bucket || count === 0) continue;
    const mean = (toNumber(row.value_total) ?? 0) / count;
    users.set(bucket.fromMs, (users.get(bucket.fromMs) ?? 0) + mean);
  }
  return users;
}

async function readLatencies(
  queryClient: QueryClient,
  query: Query,
  source: ImpactSource,
  statistic: ImpactStatistic,
): Promise<Map<number, number>> {
  const narrowed = narrow(query, source);
  const conditions = toMetricConditions(REQUESTS, narrowed.filter);
  if (statistic === 'average') {
    const results = await runQuery(queryClient, METRICS_TABLE, narrowed, {
      aggregations: { count: COUNT, total: createSum(sql`sum(sum)`) },
      conditions,
    });
    return new Map(
      results.flatMap(({ bucket, row }) => {
        const count = toNumber(row.count) ?? 0;
        const isMeasured = bucket !== undefined && count > 0;
        return isMeasured ? [[bucket.fromMs, (toNumber(row.total) ?? 0) / count] as const] : [];
      }),
    );
  }
  const distributions = await queryDistributions(queryClient, narrowed, conditions);
  const latencies = new Map<number, number>();
  for (let atMs = query.range.fromMs; atMs < query.range.toMs; atMs += IMPACT_STEP_MS) {
    const found = distributions.get(toGroupKey({}, { fromMs: atMs, toMs: atMs + IMPACT_STEP_MS }));
    const value = found?.computePercentiles()[statistic];
    if (value !== undefined) latencies.set(atMs, value);
  }
  return latencies;
}

function narrow(query: Query, source: ImpactSource): Query {
  if (source.kind !== 'endpoint') return query;
  const { operation, endpoint } = source;
  const filter: Filter = {
    ...query.filter,
    endpoint: [endpoint],
    ...(operation !== undefined && { operation: [operation] }),
  };
  return { ...query, filter };
}
