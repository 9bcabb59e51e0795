import type { QueryClient } from '../questdb/query-client.ts';
import { type JobTotals, queryJobTotals } from './job-totals.ts';
import { type PercentileTotals, queryDistributionTotals } from './metric-totals.ts';
import type { Query } from './query.ts';
import type { TimeRange } from './query-range.ts';

/** Times in ms, rates per second, `errorRate` in percent; undefined where nothing was done. */
interface PointStats {
  count: number;
  rate: number;
  average: number | undefined;
  errorRate: number | undefined;
  p50: number | undefined;
  p95: number | undefined;
  p99: number | undefined;
}

/** What happened in one interval. */
export interface IntervalPoint {
  from: Date;
  to: Date;
  api: PointStats;
  database: PointStats;
  jobs: Pick<JobTotals, 'arrived' | 'completed' | 'failed' | 'stalled'>;
}

/** The figures of each interval of a range, also of those in which nothing happened. */
export async function queryIntervalPoints(
  store: QueryClient,
  question: Query,
  intervalMs: number,
): Promise<IntervalPoint[]> {
  const stepped = { ...question, groupBy: [], step: { ms: intervalMs, zone: 'utc' } };
  const [api, database, jobs] = await Promise.all([
    queryDistributionTotals(store, stepped, { metricType: 'API_RESPONSE_TIME' }),
    queryDistributionTotals(store, stepped, { metricType: 'DATABASE_QUERY_TIME' }),
    queryJobTotals(store, stepped),
  ]);
  const { fromMs, toMs } = question.range;
  const [apiAt, databaseAt, jobsAt] = [indexByTime(api), indexByTime(database), indexByTime(jobs)];
  return Array.from({ length: Math.floor((toMs - fromMs) / intervalMs) }, (_, i) => {
    const ms = fromMs + i * intervalMs;
    return {
      from: new Date(ms),
      to: new Date(ms + intervalMs),
      api: toPointStats(apiAt.get(ms)),
      database: toPointStats(databaseAt.get(ms)),
      jobs: toJobCounts(jobsAt.get(ms)),
    };
  });
}

function indexByTime<T extends { bucket: TimeRange | undefined }>(
  found: readonly T[],
): Map<number, T> {
  return new Map(found.map((each) => [each.bucket?.fromMs ?? 0, each]));
}

function toPointStats(found: PercentileTotals | undefined): PointStats {
  const { count = 0, rate = 0, average, errorRate, p50, p95, p99 } = found ?? {};
  return { count, rate, average, errorRate, p50, p95, p99 };
}

function toJobCounts(found: JobTotals | undefined): IntervalPoint['jobs'] {
  const { arrived = 0, completed = 0, failed = 0, stalled = 0 } = found ?? {};
  return { arrived, completed, failed, stalled };
}
