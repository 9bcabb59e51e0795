import { COVERAGE_METRIC } from '../../core/coverage-metric.ts';
import { STOPPED_STATUS } from '../../core/schema/tables/system-health-table.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { fromHostTable, fromTable, inValues, joinSql, sql } from '../sql/sql-builder.ts';
import { HOSTS_TABLE } from './aggregation-tables.ts';
import { type Group, type Query, toGroupKey } from './query-definition.ts';
import { toText } from './row-values.ts';
import { toFilterConditions } from './run-query.ts';
import { getRangeLengthMs, type TimeRange } from './time-range.ts';

/** The health reports of one process. Times are in ms since the epoch. */
export interface ProcessReports {
  readonly group: Group;
  readonly service: string;
  readonly instance: string;
  /** The first report in the loaded range. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly lastStatus: string | undefined;
}

/** The number of crashes of one group. */
export interface Crashes {
  readonly group: Group;
  readonly count: number;
  /** Time of the newest report of the group's processes, in ms since the epoch. */
  readonly newestMs: number;
}

/**
 * Counts the crashes of each group. A process crashed if it started within the range, ended without the status
 * `stopped`, and another process of the service started later. A process that ran before the range isn't
 * part of a crash loop, and a service that scales down starts no process.
 *
 * @param processes also the processes that reported before the range
 * @param toleranceMs maximum time between two reports of a running process
 */
export function countCrashes(
  processes: readonly ProcessReports[],
  range: TimeRange,
  toleranceMs: number,
): Crashes[] {
  const lastStarts = new Map<string, number>();
  for (const { service, firstMs } of processes)
    lastStarts.set(service, Math.max(firstMs, lastStarts.get(service) ?? firstMs));
  return [...Map.groupBy(processes, ({ group }) => toGroupKey(group)).values()].map((ofGroup) => ({
    group: ofGroup[0]!.group,
    count: ofGroup.filter(
      ({ service, firstMs, lastMs, lastStatus }) =>
        firstMs >= range.fromMs &&
        lastStatus !== STOPPED_STATUS &&
        lastMs < range.toMs - toleranceMs &&
        (lastStarts.get(service) ?? 0) > lastMs,
    ).length,
    newestMs: Math.max(...ofGroup.map(({ lastMs }) => lastMs)),
  }));
}

/** Limit on processes per query. */
const MAX_PROCESSES = 50_000;

/**
 * Returns the number of crashes of each group in the range. Processes that send OTLP don't report normal ends, so
 * only processes with the Perfscope agent are counted.
 *
 * @param toleranceMs maximum time between two reports of a running process
 */
export async function queryCrashes(
  queryClient: QueryClient,
  query: Query,
  toleranceMs: number,
): Promise<Crashes[]> {
  const { scope, range, groupBy = [] } = query;
  const loaded = { fromMs: range.fromMs - getRangeLengthMs(range), toMs: range.toMs };
  const conditions = [...toTimes(loaded), ...toFilterConditions(HOSTS_TABLE, query)];
  const rows = await queryClient.read(
    scope,
    sql`SELECT service, service_version, environment, instance, max(host) AS host,
      min(timestamp) AS first, max(timestamp) AS last, last(status) AS status
      ${fromHostTable('system_health')} AND id IS NOT NULL AND ${joinSql(conditions, ' AND ')}
      GROUP BY service, service_version, environment, instance LIMIT ${MAX_PROCESSES}`,
  );
  const processes = rows.map((row) => ({
    group: Object.fromEntries(
      groupBy.map((name) => [name, toText(row[HOSTS_TABLE.columns[name] ?? name])]),
    ),
    service: toText(row.service) ?? '',
    instance: toText(row.instance) ?? '',
    firstMs: toTime(row.first),
    lastMs: toTime(row.last),
    lastStatus: toText(row.status),
  }));
  const crashes = countCrashes(processes, range, toleranceMs);
  if (crashes.every(({ count }) => count === 0)) return crashes;
  const measured = await queryAgentInstances(queryClient, { scope, range: loaded });
  return countCrashes(
    processes.map((each) =>
      measured.has(each.instance) ? each : { ...each, lastStatus: STOPPED_STATUS },
    ),
    range,
    toleranceMs,
  );
}

/** Returns the instances that run the Perfscope agent. */
async function queryAgentInstances(
  queryClient: QueryClient,
  { scope, range }: Pick<Query, 'scope' | 'range'>,
): Promise<ReadonlySet<string>> {
  const conditions = [...toTimes(range), inValues('name', [COVERAGE_METRIC])];
  const rows = await queryClient.read(
    scope,
    sql`SELECT DISTINCT instance ${fromTable('performance_metrics')} AND ${joinSql(conditions, ' AND ')}
      LIMIT ${MAX_PROCESSES}`,
  );
  return new Set(rows.map(({ instance }) => toText(instance) ?? ''));
}

function toTimes({ fromMs, toMs }: TimeRange) {
  return [sql`timestamp >= ${new Date(fromMs)}`, sql`timestamp < ${new Date(toMs)}`];
}

function toTime(value: unknown): number {
  return value instanceof Date ? value.getTime() : Number(value);
}
