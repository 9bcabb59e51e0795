import { gauges } from './gauges.ts';
import type { Question } from './question.ts';
import { type NamedTime, slowest } from './slowest.ts';
import type { Store } from './store.ts';
import { work } from './work.ts';

/** Times in ms, `slowQueryShare` in percent. */
export interface DatabaseFigures {
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
  slowestOperations: NamedTime[];
}

export const SLOW_QUERY_MS = 500;
const QUERIES = { metricType: 'DATABASE_QUERY_TIME' } as const;
const CONNECTIONS = { metricType: 'DATABASE_CONNECTIONS' } as const;

export async function databaseFigures(store: Store, question: Question): Promise<DatabaseFigures> {
  const everything = { ...question, groupBy: [], step: undefined };
  const [[all], pools, slowestOperations] = await Promise.all([
    work(store, everything, QUERIES),
    gauges(store, { ...everything, groupBy: ['instance', 'endpoint', 'operation'] }, CONNECTIONS),
    slowest(store, everything, QUERIES),
  ]);
  const share = all?.distribution.shareAbove(SLOW_QUERY_MS);
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
