import type { Query } from '../questdb/reader.ts';
import type { Range } from './range.ts';
import { type NamedTime, slowest, timedWork } from './requests.ts';
import { numberOf, scoped } from './scope.ts';

/** Times in ms, `slowQueryShare` in percent. */
export interface DatabaseFigures {
  count: number;
  averageQueryTime: number | undefined;
  p95QueryTime: number | undefined;
  connections: number | undefined;
  /** Share of the queries that took more than 500 ms. */
  slowQueryShare: number | undefined;
  slowestOperations: NamedTime[];
}

const TYPE = 'DATABASE_QUERY_TIME';
const SLOW_MS = 500;
const SHARE = `SELECT sum(count) AS count,
  sum(CASE WHEN bucket_upper > $2 THEN count ELSE 0 END) AS slow
  FROM metric_buckets WHERE metric_type = $1 AND count > 0`;
/** Used and idle ones of all pools and processes together. */
const CONNECTIONS = `SELECT sum(average) AS connections FROM (
  SELECT avg(value) AS average FROM performance_metrics
  WHERE metric_type = $1 AND coalesce(count, 1) > 0`;

export async function databaseFigures(query: Query, range: Range): Promise<DatabaseFigures> {
  const [work, shares, connections, slowestOperations] = await Promise.all([
    timedWork(query, range, TYPE),
    scoped(query, range, SHARE, [TYPE, SLOW_MS]),
    scoped(
      query,
      range,
      CONNECTIONS,
      ['DATABASE_CONNECTIONS'],
      'GROUP BY instance, endpoint, operation)',
    ),
    slowest(query, range, TYPE),
  ]);
  const counted = numberOf(shares[0]?.count) ?? 0;
  const slow = numberOf(shares[0]?.slow) ?? 0;
  return {
    count: work.count,
    averageQueryTime: work.average,
    p95QueryTime: work.p95,
    connections: numberOf(connections[0]?.connections),
    slowQueryShare: counted > 0 ? (100 * slow) / counted : undefined,
    slowestOperations,
  };
}
