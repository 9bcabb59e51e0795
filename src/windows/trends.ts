import type { Query } from '../questdb/reader.ts';
import { previous, type Range } from './range.ts';
import { type TimedWork, timedWork } from './requests.ts';

/** A figure now and in the period before; `change` in percent, undefined where one is missing. */
interface Trend {
  current: number | undefined;
  previous: number | undefined;
  change: number | undefined;
}

export interface Trends {
  responseTime: Trend;
  p95ResponseTime: Trend;
  requestsPerMinute: Trend;
  errorRate: Trend;
  queryTime: Trend;
}

export async function trends(query: Query, range: Range): Promise<Trends> {
  const before = previous(range);
  const [api, apiBefore, database, databaseBefore] = await Promise.all([
    timedWork(query, range, 'API_RESPONSE_TIME'),
    timedWork(query, before, 'API_RESPONSE_TIME'),
    timedWork(query, range, 'DATABASE_QUERY_TIME'),
    timedWork(query, before, 'DATABASE_QUERY_TIME'),
  ]);
  return {
    responseTime: trend(api.average, apiBefore.average),
    p95ResponseTime: trend(api.p95, apiBefore.p95),
    requestsPerMinute: trend(rate(api), rate(apiBefore)),
    errorRate: trend(api.errorRate, apiBefore.errorRate),
    queryTime: trend(database.average, databaseBefore.average),
  };
}

function rate(work: TimedWork): number | undefined {
  return work.count > 0 ? work.perMinute : undefined;
}

function trend(current: number | undefined, before: number | undefined): Trend {
  const comparable = current !== undefined && before !== undefined && before !== 0;
  return {
    current,
    previous: before,
    change: comparable ? (100 * (current - before)) / before : undefined,
  };
}
