import { type JobTotals, jobTotals } from './jobs.ts';
import type { Question } from './question.ts';
import type { Range } from './range.ts';
import type { Store } from './store.ts';
import { type Work, work } from './work.ts';

/** Times in ms, rates per second, `errorRate` in percent; undefined where nothing was done. */
interface PointWork {
  count: number;
  rate: number;
  average: number | undefined;
  errorRate: number | undefined;
  p50: number | undefined;
  p95: number | undefined;
  p99: number | undefined;
}

/** What happened in one interval. */
export interface Point {
  from: Date;
  to: Date;
  api: PointWork;
  database: PointWork;
  jobs: Pick<JobTotals, 'arrived' | 'completed' | 'failed' | 'stalled'>;
}

/** The figures of each interval of a range, also of those in which nothing happened. */
export async function points(
  store: Store,
  question: Question,
  intervalMs: number,
): Promise<Point[]> {
  const stepped = { ...question, groupBy: [], step: { ms: intervalMs, zone: 'utc' } };
  const [api, database, jobs] = await Promise.all([
    work(store, stepped, { metricType: 'API_RESPONSE_TIME' }),
    work(store, stepped, { metricType: 'DATABASE_QUERY_TIME' }),
    jobTotals(store, stepped),
  ]);
  const { fromMs, toMs } = question.range;
  const [apiAt, databaseAt, jobsAt] = [byTime(api), byTime(database), byTime(jobs)];
  return Array.from({ length: Math.floor((toMs - fromMs) / intervalMs) }, (_, i) => {
    const ms = fromMs + i * intervalMs;
    return {
      from: new Date(ms),
      to: new Date(ms + intervalMs),
      api: workOf(apiAt.get(ms)),
      database: workOf(databaseAt.get(ms)),
      jobs: jobsOf(jobsAt.get(ms)),
    };
  });
}

function byTime<T extends { span: Range | undefined }>(found: readonly T[]): Map<number, T> {
  return new Map(found.map((each) => [each.span?.fromMs ?? 0, each]));
}

function workOf(found: Work | undefined): PointWork {
  const { count = 0, rate = 0, average, errorRate, p50, p95, p99 } = found ?? {};
  return { count, rate, average, errorRate, p50, p95, p99 };
}

function jobsOf(found: JobTotals | undefined): Point['jobs'] {
  const { arrived = 0, completed = 0, failed = 0, stalled = 0 } = found ?? {};
  return { arrived, completed, failed, stalled };
}
