import { MINUTE_MS } from '../../core/duration.ts';
import { STOPPED_STATUS } from '../../core/schema/tables/system-health-table.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { fromHostTable, joinSql, sql } from '../sql/sql-builder.ts';
import { HOSTS_TABLE, ROW_COUNT } from './aggregation-tables.ts';
import { type Group, type Query, toGroupKey } from './query-definition.ts';
import { computePercent, toNumber, toText } from './row-values.ts';
import { type Aggregation, runQuery, toFilterConditions } from './run-query.ts';
import { floorTo, getRangeLengthMs, getRowsRevision, type TimeRange } from './time-range.ts';

/** Share of a range in which a group ran. */
export interface Uptime {
  group: Group;
  /** In percent of the expected time; `undefined` if the range is shorter than one interval. */
  uptime: number | undefined;
  /**
   * Like `uptime`, but planned restarts, and intervals in which no process of any service reported, aren't
   * downtime. Alerts use this value.
   */
  unplannedUptime: number | undefined;
  /** Number of expected intervals. */
  intervals: number;
  /** Number of intervals with at least one report. */
  reported: number;
  /** Expected time in ms: since the first report, without the time after a normal end. */
  expectedMs: number;
}

/** The health reports of one group, as the input of {@link computeUptime}. */
export interface UptimeReports {
  /** Starts of the intervals with a report, in ms since the epoch, in any order. */
  readonly reportedMs: readonly number[];
  /** Times at which a process of the group ended normally. */
  readonly stoppedMs: readonly number[];
  /** Whether the group was running when the range started. */
  readonly wasRunning: boolean;
  /**
   * Intervals in which a process of any service reported, including Perfscope. In other intervals, the host was
   * suspended or all rows are missing. Default: all intervals.
   */
  readonly knownMs?: ReadonlySet<number> | undefined;
}

/** A normal end that is followed by a start within this time is a restart. */
const MAX_RESTART_MS = 5 * MINUTE_MS;
/** A process that ended normally after a shorter time has done its work. */
const MIN_SERVICE_MS = 5 * MINUTE_MS;

/**
 * A time without reports. Time that is `excluded` isn't expected. Time that is `planned` is the downtime of a planned
 * restart.
 */
export interface ReportGap extends TimeRange {
  readonly kind: 'down' | 'planned' | 'excluded';
}

/** The expected time of a group, and the gaps in it, in order of time. */
export interface ReportGaps {
  /** Start of the expected time, in ms since the epoch. */
  readonly startMs: number;
  readonly gaps: readonly ReportGap[];
}

/**
 * Finds the downtime and the excluded time of a group.
 *
 * - One interval without a report isn't downtime, because two reports can be almost two intervals apart.
 * - The time after a normal end isn't expected. If the group starts again within 5 min, the time in
 *   between is a planned restart and counts as downtime.
 *
 * @param range whole intervals
 */
export function findReportGaps(
  { reportedMs, stoppedMs, wasRunning }: UptimeReports,
  range: TimeRange,
  intervalMs: number,
): ReportGaps {
  const reports = reportedMs.toSorted((a, b) => a - b);
  const stops = new Set(stoppedMs.map((ms) => floorTo(ms, intervalMs)));
  const gaps: ReportGap[] = [];
  let runStartMs = wasRunning ? Number.NEGATIVE_INFINITY : (reports[0] ?? range.fromMs);
  let lastMs = wasRunning ? range.fromMs - intervalMs : runStartMs - intervalMs;
  const addGap = (nextMs: number | undefined) => {
    const fromMs = lastMs + intervalMs;
    const toMs = nextMs ?? range.toMs;
    if (toMs <= fromMs) return;
    const isService = fromMs - runStartMs >= MIN_SERVICE_MS;
    const isRestart = nextMs !== undefined && toMs - fromMs <= MAX_RESTART_MS && isService;
    const hasStopped = stops.has(lastMs);
    if (hasStopped && !isRestart) gaps.push({ kind: 'excluded', fromMs, toMs });
    else if (toMs - fromMs > intervalMs) {
      const kind = hasStopped ? 'planned' : 'down';
      gaps.push({ kind, fromMs: fromMs + intervalMs, toMs });
    }
    runStartMs = nextMs ?? runStartMs;
  };
  for (const nextMs of reports) {
    addGap(nextMs);
    lastMs = nextMs;
  }
  addGap(undefined);
  return { startMs: wasRunning ? range.fromMs : (reports[0] ?? range.toMs), gaps };
}

/**
 * Computes the uptime from the intervals in which a group reported. {@link findReportGaps} describes
 * which time is downtime.
 *
 * @param range whole intervals
 */
export function computeUptime(
  reports: UptimeReports,
  range: TimeRange,
  intervalMs: number,
): Omit<Uptime, 'group'> {
  const { startMs, gaps } = findReportGaps(reports, range, intervalMs);
  const sumGaps = (...kinds: ReportGap['kind'][]) =>
    gaps.reduce((sum, gap) => sum + (kinds.includes(gap.kind) ? getRangeLengthMs(gap) : 0), 0);
  const unplannedMs = gaps
    .filter(({ kind }) => kind === 'down')
    .reduce((sum, gap) => sum + sumKnown(reports.knownMs, gap, intervalMs), 0);
  const expectedMs = range.toMs - startMs - sumGaps('excluded');
  return {
    expectedMs,
    intervals: expectedMs / intervalMs,
    reported: reports.reportedMs.length,
    uptime: computePercent(expectedMs - sumGaps('down', 'planned'), expectedMs),
    unplannedUptime: computePercent(expectedMs - unplannedMs, expectedMs),
  };
}

/** Returns the total length of the intervals of a gap in which a process of any service reported. */
function sumKnown(
  knownMs: ReadonlySet<number> | undefined,
  { fromMs, toMs }: TimeRange,
  intervalMs: number,
): number {
  if (!knownMs) return toMs - fromMs;
  let sum = 0;
  for (let ms = fromMs; ms < toMs; ms += intervalMs) if (knownMs.has(ms)) sum += intervalMs;
  return sum;
}

/** Time of the last row. A roll-up only knows the start of the row's interval. */
const LAST_TIME: Aggregation = {
  rows: sql`max(timestamp)`,
  rollup: sql`max(timestamp)`,
  mergeWith: 'max',
};

/**
 * Returns the share of the range in which at least one process of a group ran. A new group is expected
 * from its first report. {@link findReportGaps} describes restarts and normal ends.
 *
 * @param intervalMs reporting interval of services in ms, a whole number of minutes
 */
export async function queryUptime(
  queryClient: QueryClient,
  query: Query,
  intervalMs = MINUTE_MS,
): Promise<Uptime[]> {
  const range = toWholeIntervals(query.range, intervalMs);
  if (getRangeLengthMs(range) <= 0) return [];
  const step = { ms: intervalMs, zone: 'utc' };
  const previousRange = { fromMs: range.fromMs - getRangeLengthMs(range), toMs: range.fromMs };
  const [current, previous, stops, known] = await Promise.all([
    runQuery(
      queryClient,
      HOSTS_TABLE,
      { ...query, range, step },
      { aggregations: { rows: ROW_COUNT } },
    ),
    runQuery(
      queryClient,
      HOSTS_TABLE,
      { ...query, range: previousRange, step: undefined },
      { aggregations: { rows: ROW_COUNT, last: LAST_TIME } },
    ),
    queryStops(queryClient, query, { fromMs: previousRange.fromMs, toMs: range.toMs }),
    runQuery(
      queryClient,
      HOSTS_TABLE,
      { scope: query.scope, range, step },
      { aggregations: { rows: ROW_COUNT } },
    ),
  ]);
  const knownMs = new Set(known.map(({ bucket }) => bucket!.fromMs));
  // A query without groups returns one result even if there are no rows.
  const existing = previous.filter(({ row }) => toNumber(row.rows) !== 0);
  const lastMsByKey = new Map(
    existing.map(({ group, row }) => [toGroupKey(group), toTime(row.last)]),
  );
  const reportsByKey = Map.groupBy(current, ({ group }) => toGroupKey(group));
  const groups = new Map([...existing, ...current].map(({ group }) => [toGroupKey(group), group]));
  return [...groups].flatMap(([key, group]) => {
    const stoppedMs = stops.get(key) ?? [];
    const lastMs = lastMsByKey.get(key);
    const hasEnded = stoppedMs.some((ms) => ms < range.fromMs && ms >= (lastMs ?? 0));
    const reportedMs = (reportsByKey.get(key) ?? []).map(({ bucket }) => bucket!.fromMs);
    const wasRunning = lastMs !== undefined && !hasEnded;
    if (!wasRunning && reportedMs.length === 0) return [];
    const reports = { reportedMs, stoppedMs, wasRunning, knownMs };
    return [{ group, ...computeUptime(reports, range, intervalMs) }];
  });
}

/** Limit on stop rows per query. */
const MAX_STOPS = 10_000;

/** Returns the times of normal ends, in ms since the epoch, by group key. */
export async function queryStops(
  queryClient: QueryClient,
  query: Query,
  range: TimeRange,
): Promise<Map<string, number[]>> {
  const { scope, groupBy = [] } = query;
  const conditions = [
    sql`status = ${STOPPED_STATUS}`,
    sql`timestamp >= ${new Date(range.fromMs)}`,
    sql`timestamp < ${new Date(range.toMs)}`,
    ...toFilterConditions(HOSTS_TABLE, query),
  ];
  const rows = await queryClient.read(
    scope,
    sql`SELECT timestamp, service, service_version, environment, instance
      ${fromHostTable('system_health')} AND ${joinSql(conditions, ' AND ')}
      ORDER BY timestamp DESC LIMIT ${MAX_STOPS}`,
    getRowsRevision(query.range),
  );
  const stops = new Map<string, number[]>();
  for (const row of rows) {
    const group = groupBy.map((name) => [name, toText(row[HOSTS_TABLE.columns[name] ?? name])]);
    const key = toGroupKey(Object.fromEntries(group));
    stops.set(key, [...(stops.get(key) ?? []), toTime(row.timestamp)]);
  }
  return stops;
}

function toTime(value: unknown): number {
  return value instanceof Date ? value.getTime() : Number(value);
}

/** Removes the current interval, because its report can still arrive. */
function toWholeIntervals({ fromMs, toMs }: TimeRange, intervalMs: number): TimeRange {
  return { fromMs: floorTo(fromMs, intervalMs), toMs: floorTo(toMs, intervalMs) };
}

/** The last health row of a process. */
export interface LastReport {
  readonly service: string;
  readonly status: string | undefined;
  readonly timestampMs: number;
}

/**
 * Returns the services that ended normally. The last row of each process has the status `stopped`, except
 * for processes that vanished long before the service's newest row.
 *
 * @param toleranceMs maximum time between the last reports of processes that run at the same time
 */
export function findEndedServices(reports: readonly LastReport[], toleranceMs: number): string[] {
  return [...Map.groupBy(reports, ({ service }) => service)].flatMap(([service, processes]) => {
    const newestMs = Math.max(...processes.map(({ timestampMs }) => timestampMs));
    const recent = processes.filter(({ timestampMs }) => timestampMs >= newestMs - toleranceMs);
    return recent.every(({ status }) => status === STOPPED_STATUS) ? [service] : [];
  });
}

/** Loads the last health row of each process in a range. Not from the cache, because a process can end at any time. */
export async function queryLastReports(
  queryClient: QueryClient,
  { scope, range }: Pick<Query, 'scope' | 'range'>,
): Promise<LastReport[]> {
  const rows = await queryClient.read(
    scope,
    sql`SELECT timestamp, service, instance, status ${fromHostTable('system_health')}
      AND id IS NOT NULL AND timestamp >= ${new Date(range.fromMs)}
      AND timestamp < ${new Date(range.toMs)}
      LATEST ON timestamp PARTITION BY service, instance`,
  );
  return rows.map((row) => ({
    service: toText(row.service) ?? '',
    status: toText(row.status),
    timestampMs: toTime(row.timestamp),
  }));
}
