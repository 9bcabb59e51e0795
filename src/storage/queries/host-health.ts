import { MINUTE_MS } from '../../core/duration.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { fromHostTable, identifier, joinSql, sql } from '../sql/sql-builder.ts';
import { type Group, type Query, toGroupKey } from './query.ts';
import { floorTo, getRangeLengthMs, getRowsRevision, type TimeRange } from './query-range.ts';
import { HOSTS_TABLE, ROW_COUNT } from './query-tables.ts';
import { computePercent, toNumber, toText } from './row-values.ts';
import { type Aggregation, runQuery, toFilterConditions } from './run-query.ts';

/** The latest row of `system_health` of each process. Usages in percent, uptime in seconds. */
export interface ProcessHealth {
  service: string;
  instance: string;
  status: string | undefined;
  cpuUsage: number | undefined;
  memoryUsage: number | undefined;
  diskUsage: number | undefined;
  eventLoopDelayP99: number | undefined;
  uptime: number | undefined;
  dbConnections: number | undefined;
  /** In ms. */
  dbQueryTime: number | undefined;
  activeUsers: number | undefined;
  ongoingReservations: number | undefined;
  timestamp: Date;
}

/** Hosts belong to no tenant: who is limited to one sees none. */
export async function queryProcessHealth(
  store: QueryClient,
  question: Query,
): Promise<ProcessHealth[]> {
  const { fromMs, toMs } = question.range;
  const conditions = [
    sql`timestamp >= ${new Date(fromMs)}`,
    sql`timestamp < ${new Date(toMs)}`,
    ...toFilterConditions(HOSTS_TABLE, question),
  ];
  const rows = await store.read(
    question.scope,
    sql`SELECT timestamp, service, instance, status, cpu_usage, memory_usage, disk_usage,
      event_loop_delay_p99, uptime, db_connections, db_query_time, active_users, ongoing_reservations
      ${fromHostTable('system_health')} AND ${joinSql(conditions, ' AND ')}
      LATEST ON timestamp PARTITION BY service, instance`,
    getRowsRevision(question.range),
  );
  return rows.map((row) => ({
    service: toText(row.service) ?? '',
    instance: toText(row.instance) ?? '',
    status: toText(row.status),
    cpuUsage: toNumber(row.cpu_usage),
    memoryUsage: toNumber(row.memory_usage),
    diskUsage: toNumber(row.disk_usage),
    eventLoopDelayP99: toNumber(row.event_loop_delay_p99),
    uptime: toNumber(row.uptime),
    dbConnections: toNumber(row.db_connections),
    dbQueryTime: toNumber(row.db_query_time),
    activeUsers: toNumber(row.active_users),
    ongoingReservations: toNumber(row.ongoing_reservations),
    timestamp: row.timestamp as Date,
  }));
}

/** How much of a range a group was there. */
export interface Uptime {
  group: Group;
  /** In percent of the intervals; undefined when the range is shorter than one. */
  uptime: number | undefined;
  intervals: number;
  reported: number;
}

/**
 * The share of the intervals of a range in which any process of a group has reported its health.
 * Planned restarts count as down. A group that is new is expected from its first report on.
 *
 * @param intervalMs how often services report, in whole minutes
 */
export async function queryUptime(
  store: QueryClient,
  question: Query,
  intervalMs = MINUTE_MS,
): Promise<Uptime[]> {
  const range = toWholeIntervals(question.range, intervalMs);
  if (getRangeLengthMs(range) <= 0) return [];
  const step = { ms: intervalMs, zone: 'utc' };
  const [seen, before] = await Promise.all([
    runQuery(
      store,
      HOSTS_TABLE,
      { ...question, range, step },
      { aggregations: { rows: ROW_COUNT } },
    ),
    runQuery(
      store,
      HOSTS_TABLE,
      {
        ...question,
        range: { fromMs: range.fromMs - getRangeLengthMs(range), toMs: range.fromMs },
        step: undefined,
      },
      { aggregations: { rows: ROW_COUNT } },
    ),
  ]);
  // Without groups there is an answer also of no rows.
  const there = before.filter(({ row }) => toNumber(row.rows) !== 0);
  const wasThere = new Set(there.map(({ group }) => toGroupKey(group)));
  const times = Map.groupBy(seen, ({ group }) => toGroupKey(group));
  const groups = new Map([...there, ...seen].map(({ group }) => [toGroupKey(group), group]));
  return [...groups].map(([key, group]) => {
    const answers = times.get(key) ?? [];
    const firstMs = Math.min(...answers.map(({ bucket: span }) => span?.fromMs ?? range.fromMs));
    const expected = { ...range, fromMs: wasThere.has(key) ? range.fromMs : firstMs };
    const intervals = getRangeLengthMs(expected) / intervalMs;
    return {
      group,
      intervals,
      reported: answers.length,
      uptime: computePercent(answers.length, intervals),
    };
  });
}

/** The interval that is under way has not failed yet. */
function toWholeIntervals({ fromMs, toMs }: TimeRange, intervalMs: number): TimeRange {
  return { fromMs: floorTo(fromMs, intervalMs), toMs: floorTo(toMs, intervalMs) };
}

/** Figures of `system_health`. Usages and rates in percent, times in ms. */
export const HOST_METRIC_COLUMNS = {
  cpuUsage: 'cpu_usage',
  memoryUsage: 'memory_usage',
  diskUsage: 'disk_usage',
  load: 'load',
  eventLoopDelayP99: 'event_loop_delay_p99',
  avgResponseTime: 'avg_response_time',
  errorRate: 'error_rate',
  dbConnections: 'db_connections',
  dbQueryTime: 'db_query_time',
  activeUsers: 'active_users',
  ongoingReservations: 'ongoing_reservations',
} as const;
export type HostMetric = keyof typeof HOST_METRIC_COLUMNS;

export interface HostPoint {
  group: Group;
  bucket: TimeRange | undefined;
  average: number | undefined;
  max: number | undefined;
  samples: number;
}

/** Sum, number and greatest of one figure's samples. */
export function toHostAggregations(
  figure: HostMetric,
): Record<'total' | 'samples' | 'maximum', Aggregation> {
  const column = HOST_METRIC_COLUMNS[figure];
  const again = (name: string, by: string) =>
    sql`${identifier(by)}(${identifier(`${column}_${name}`)})`;
  const raw = (by: string) => sql`${identifier(by)}(${identifier(column)})`;
  return {
    total: { rows: raw('sum'), rollup: again('sum', 'sum'), mergeWith: 'sum' },
    samples: { rows: raw('count'), rollup: again('count', 'sum'), mergeWith: 'sum' },
    maximum: { rows: raw('max'), rollup: again('max', 'max'), mergeWith: 'max' },
  };
}

/** Mean and worst of one figure of hosts and processes, by service, version, environment or instance. */
export async function queryHostMetric(
  store: QueryClient,
  question: Query,
  figure: HostMetric,
): Promise<HostPoint[]> {
  const figures = toHostAggregations(figure);
  const answers = await runQuery(store, HOSTS_TABLE, question, { aggregations: figures });
  return answers.flatMap(({ group, bucket: span, row }) => {
    const samples = toNumber(row.samples) ?? 0;
    if (samples === 0) return [];
    const average = (toNumber(row.total) ?? 0) / samples;
    return { group, bucket: span, samples, average, max: toNumber(row.maximum) };
  });
}
