import { type Comparison, compared, type Trend, trend } from './compare.ts';
import type { Question } from './question.ts';
import type { Store } from './store.ts';
import { totals } from './totals.ts';
import { work } from './work.ts';

export interface Trends {
  responseTime: Trend;
  p95ResponseTime: Trend;
  /** Per second. */
  requestRate: Trend;
  errorRate: Trend;
  queryTime: Trend;
}

const REQUESTS = { metricType: 'API_RESPONSE_TIME' } as const;
const QUERIES = { metricType: 'DATABASE_QUERY_TIME' } as const;

/** How the main figures of a range have changed. Times in ms, `errorRate` in percent. */
export async function trends(
  store: Store,
  question: Question,
  comparison: Comparison,
  zone: string,
): Promise<Trends> {
  const together = { ...question, groupBy: [], step: undefined };
  const [[api, apiBefore], [database, databaseBefore]] = await Promise.all([
    compared(together, comparison, zone, async (q) => (await work(store, q, REQUESTS))[0]),
    compared(together, comparison, zone, async (q) => (await totals(store, q, QUERIES))[0]),
  ]);
  return {
    responseTime: trend(api?.average, apiBefore?.average),
    p95ResponseTime: trend(api?.p95, apiBefore?.p95),
    requestRate: trend(api?.rate, apiBefore?.rate),
    errorRate: trend(api?.errorRate, apiBefore?.errorRate),
    queryTime: trend(database?.average, databaseBefore?.average),
  };
}
