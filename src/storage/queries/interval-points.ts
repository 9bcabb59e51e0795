import type { QueryClient } from '../questdb/query-client.ts';
import type { JobTotals } from './job-totals.ts';
import { type PercentileTotals, queryDistributionTotals } from './operation-totals.ts';
import type { Query } from './query-definition.ts';
import { queryQueueTotals } from './queue-totals.ts';
import type { TimeRange } from './time-range.ts';

/**
 * Times in ms, rates per second, `errorRate` in percent. Averages are `undefined` if `count` is 0.
 */
interface PointStats {
  count: number;
  rate: number;
  average: number | undefined;
  errorRate: number | undefined;
  p50: number | undefined;
  p95: number | undefined;
  p99: number | undefined;
}

/** Statistics of one interval. */
export interface IntervalPoint {
  from: Date;
  to: Date;
  api: PointStats;
  database: PointStats;
  jobs: Pick<JobTotals, 'arrived' | 'completed' | 'failed' | 'stalled'>;
}

/** Returns the statistics for each interval in a range, including intervals without data. */
export async function queryIntervalPoints(
  queryClient: QueryClient,
  query: Query,
  intervalMs: number,
): Promise<IntervalPoint[]> {
  const stepped = { ...query, groupBy: [], step: { ms: intervalMs, zone: 'utc' } };
  const [api, database, jobs] = await Promise.all([
    queryDistributionTotals(queryClient, stepped, { metricType: 'API_RESPONSE_TIME' }),
    queryDistributionTotals(queryClient, stepped, { metricType: 'DATABASE_QUERY_TIME' }),
    queryQueueTotals(queryClient, stepped),
  ]);
  const { fromMs, toMs } = query.range;
  const apiByTime = indexByTime(api);
  const databaseByTime = indexByTime(database);
  const jobsByTime = indexByTime(jobs);
  return Array.from({ length: Math.floor((toMs - fromMs) / intervalMs) }, (_, i) => {
    const ms = fromMs + i * intervalMs;
    return {
      from: new Date(ms),
      to: new Date(ms + intervalMs),
      api: toPointStats(apiByTime.get(ms)),
      database: toPointStats(databaseByTime.get(ms)),
      jobs: toJobCounts(jobsByTime.get(ms)),
    };
  });
}

function indexByTime<T extends { bucket: TimeRange | undefined }>(
  totals: readonly T[],
): Map<number, T> {
  return new Map(totals.map((total) => [total.bucket?.fromMs ?? 0, total]));
}

function toPointStats(totals: PercentileTotals | undefined): PointStats {
  const { count = 0, rate = 0, average, errorRate, p50, p95, p99 } = totals ?? {};
  return { count, rate, average, errorRate, p50, p95, p99 };
}

function toJobCounts(totals: JobTotals | undefined): IntervalPoint['jobs'] {
  const { arrived = 0, completed = 0, failed = 0, stalled = 0 } = totals ?? {};
  return { arrived, completed, failed, stalled };
}
