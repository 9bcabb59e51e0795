import { REPEATED_STATEMENTS_METRIC_NAME } from '../../core/request-breakdown.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { sql } from '../sql/sql-builder.ts';
import { COUNT, createColumnSum, createSum, METRICS_TABLE } from './aggregation-tables.ts';
import type { Dimension, Query } from './query-definition.ts';
import { toNumber } from './row-values.ts';
import { type ResultRow, runQuery } from './run-query.ts';

/**
 * Where the time of requests goes: mean times per request in ms, and shares in percent. The times add up to the
 * mean duration of the requests. Values are `undefined` if the requests have no breakdown.
 */
export interface BreakdownStats {
  /** Mean time in database statements, in ms. */
  databaseTime: number | undefined;
  /** Share of `databaseTime` in the duration of the requests, in percent. */
  databaseShare: number | undefined;
  /** Statements per request. */
  databaseCalls: number | undefined;
  /** Mean time in outgoing HTTP calls, in ms. */
  outgoingTime: number | undefined;
  /** Share of `outgoingTime` in the duration of the requests, in percent. */
  outgoingShare: number | undefined;
  /** Outgoing HTTP calls per request. */
  outgoingCalls: number | undefined;
  /** Mean time in calls that add jobs to queues, in ms. */
  queueTime: number | undefined;
  /** Share of `queueTime` in the duration of the requests, in percent. */
  queueShare: number | undefined;
  /** Calls that add jobs to queues per request. */
  queueCalls: number | undefined;
  /** Mean time spent waiting for connections of database pools, in ms. */
  connectionWaitTime: number | undefined;
  /** Share of `connectionWaitTime` in the duration of the requests, in percent. */
  connectionWaitShare: number | undefined;
  /** Mean time in which other code blocked the event loop, in ms. */
  eventLoopWaitTime: number | undefined;
  /** Share of `eventLoopWaitTime` in the duration of the requests, in percent. */
  eventLoopWaitShare: number | undefined;
  /** Mean time of the remaining work of the requests, in ms. */
  ownTime: number | undefined;
  /** Share of `ownTime` in the duration of the requests, in percent. */
  ownShare: number | undefined;
}

export const BREAKDOWN_AGGREGATIONS = {
  database_time: createColumnSum('database_time'),
  database_calls: createColumnSum('database_calls'),
  outgoing_time: createColumnSum('outgoing_time'),
  outgoing_calls: createColumnSum('outgoing_calls'),
  queue_time: createColumnSum('queue_time'),
  queue_calls: createColumnSum('queue_calls'),
  connection_wait_time: createColumnSum('connection_wait_time'),
  event_loop_wait_time: createColumnSum('event_loop_wait_time'),
  own_time: createColumnSum('own_time'),
} as const;

/**
 * Returns the breakdown of a result of {@link BREAKDOWN_AGGREGATIONS}. If only some requests have a breakdown, such as
 * during an update of the agent, it describes these requests.
 *
 * @param count number of all requests
 * @param total duration of all requests in ms
 */
export function toBreakdownStats(
  row: ResultRow['row'],
  count: number,
  total: number,
): BreakdownStats {
  const read = (column: keyof typeof BREAKDOWN_AGGREGATIONS) => toNumber(row[column]);
  const database = read('database_time');
  const outgoing = read('outgoing_time');
  const queue = read('queue_time');
  const connection = read('connection_wait_time');
  const eventLoop = read('event_loop_wait_time');
  const own = read('own_time');
  const parts = [database, outgoing, queue, connection, eventLoop, own];
  const measured = parts.reduce<number>((sum, part) => sum + (part ?? 0), 0);
  // The share of requests with a breakdown is estimated by their share of the time.
  const measuredCount = total > 0 && measured > 0 ? count * Math.min(1, measured / total) : count;
  const perRequest = (value: number | undefined) =>
    value === undefined || measuredCount === 0 || (measured === 0 && total > 0)
      ? undefined
      : value / measuredCount;
  const share = (value: number | undefined) =>
    value === undefined || measured === 0 ? undefined : (100 * value) / measured;
  return {
    databaseTime: perRequest(database),
    databaseShare: share(database),
    databaseCalls: perRequest(read('database_calls')),
    outgoingTime: perRequest(outgoing),
    outgoingShare: share(outgoing),
    outgoingCalls: perRequest(read('outgoing_calls')),
    queueTime: perRequest(queue),
    queueShare: share(queue),
    queueCalls: perRequest(read('queue_calls')),
    connectionWaitTime: perRequest(connection),
    connectionWaitShare: share(connection),
    eventLoopWaitTime: perRequest(eventLoop),
    eventLoopWaitShare: share(eventLoop),
    ownTime: perRequest(own),
    ownShare: share(own),
  };
}

/** A statement that requests ran at least 5 times. */
export interface RepeatedStatementStats {
  readonly statement: string;
  /** Number of requests. */
  readonly requests: number;
  /** Mean number of executions per request. */
  readonly average: number;
  readonly max: number;
}

/**
 * Returns the statement that most requests of each group repeated. The rows have no method, so the methods of a route
 * have the same statement. The key is the JSON of the group's values in the order of `groupBy`, without the method.
 */
export async function queryRepeatedStatements(
  queryClient: QueryClient,
  query: Query,
): Promise<Map<string, RepeatedStatementStats>> {
  const { groupBy = [], filter } = query;
  const { operation: _, ...otherFilters } = filter ?? {};
  const results = await runQuery(
    queryClient,
    METRICS_TABLE,
    {
      ...query,
      step: undefined,
      filter: otherFilters,
      groupBy: [...groupBy.filter((each) => each !== 'operation'), 'operation'],
    },
    {
      aggregations: {
        count: COUNT,
        total: createSum(sql`sum(sum)`),
        maximum: { rows: sql`max(max)`, rollup: sql`max(max)`, mergeWith: 'max' },
      },
      conditions: [sql`name = ${REPEATED_STATEMENTS_METRIC_NAME}`],
    },
  );
  const statements = new Map<string, RepeatedStatementStats>();
  for (const { group, row } of results) {
    const key = toKey(group, groupBy);
    const requests = toNumber(row.count) ?? 0;
    if (requests === 0 || requests <= (statements.get(key)?.requests ?? 0)) continue;
    statements.set(key, {
      statement: group.operation ?? '(other)',
      requests,
      average: (toNumber(row.total) ?? 0) / requests,
      max: toNumber(row.maximum) ?? 0,
    });
  }
  return statements;
}

function toKey(group: ResultRow['group'], groupBy: readonly Dimension[]): string {
  return JSON.stringify(
    groupBy.filter((each) => each !== 'operation').map((name) => group[name] ?? null),
  );
}
