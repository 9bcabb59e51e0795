import { STOPPED_STATUS } from '../../src/core/schema/tables/system-health-table.ts';
import { HOSTS_TABLE, ROW_COUNT } from '../../src/storage/queries/aggregation-tables.ts';
import { type HostMetric, toHostAggregations } from '../../src/storage/queries/host-health.ts';
import { selectOverRange, selectOverTime, toConditions } from './select-metrics.ts';
import { FROM, TO } from './sql-text.ts';
import { getMinuteParts, PREVIOUS_RANGE, RANGE_END, toRecentStart } from './table-parts.ts';

/** Selects the total, number of samples, and maximum of a host metric for each interval and each value of `keys`. */
export function selectHostOverTime(metric: HostMetric, keys: readonly string[]): string {
  return selectOverTime(HOSTS_TABLE, { aggregations: toHostAggregations(metric), keys });
}

/** Start of the time in which a running process has sent health data. */
const RECENT_START = toRecentStart(RANGE_END);

/** Selects the latest health row of each process in the time range. */
export function selectLatestHealth(): string {
  return selectLatest(`least(${FROM}, ${RECENT_START})`);
}

/**
 * Selects the latest health row of each process that still sends health data at the end of the time range, and
 * hasn't ended normally.
 */
export function selectRunningProcesses(): string {
  return `(SELECT * FROM ${selectLatest(RECENT_START)} WHERE status IS NULL OR status != '${STOPPED_STATUS}')`;
}

function selectLatest(from: string): string {
  const conditions = [
    ...[`timestamp >= ${from}`, `timestamp < ${TO}`, 'id IS NOT NULL'],
    ...toConditions(HOSTS_TABLE),
  ];
  return `(SELECT *, timestamp >= ${RECENT_START} AS is_running FROM ${HOSTS_TABLE.table} WHERE ${conditions.join(' AND ')}
  LATEST ON timestamp PARTITION BY service, instance)`;
}

/** A stop row in the previous range outweighs all other rows. */
const STOPPED_BEFORE = -1e9;
/** A pause of more minutes after a normal end is not a restart. */
const MAX_RESTART_MINUTES = 5;

/**
 * Selects, for each service, the number of minutes in which it was `expected` to run and in which it ran
 * (`reported`), as `computeUptime` does. All whole minutes of the time range are expected, except those before
 * the first report of a new service, and those after a normal end. One minute without a report isn't downtime.
 */
export function selectUptimeMinutes(): string {
  const filters = toConditions(HOSTS_TABLE).join(' AND ');
  const toMinute = (time: string) => `(timestamp_floor('m', ${time})::long / 60000000)`;
  const [first, end] = [toMinute(FROM), toMinute(TO)];
  const reports = getMinuteParts(HOSTS_TABLE.table).map(
    ({ name, where }) =>
      `SELECT service, ${toMinute('timestamp')} AS minute, 0 AS stopped FROM ${name} WHERE ${where} AND ${filters}`,
  );
  const selectStops = (columns: string, from: string, to: string) =>
    `SELECT service, ${columns} FROM ${HOSTS_TABLE.table} WHERE timestamp >= ${from} AND timestamp < ${to} AND status = '${STOPPED_STATUS}' AND ${filters}`;
  const stops = selectStops(`${toMinute('timestamp')} AS minute, 1 AS stopped`, FROM, TO);
  const before = selectOverRange(HOSTS_TABLE, {
    aggregations: { seen: ROW_COUNT },
    keys: ['service'],
    range: PREVIOUS_RANGE,
  });
  const stopsBefore = selectStops(
    `${STOPPED_BEFORE}::long AS seen`,
    PREVIOUS_RANGE.from,
    PREVIOUS_RANGE.to,
  );
  // Two consecutive minutes with a report have a gap of 0.
  const gap = `(minute - previous - 1)`;
  const isPause = `ended = 1 AND ${gap} > ${MAX_RESTART_MINUTES}`;
  const unknown = ['null::long AS first', 'null::long AS last', '0 AS ended', '0 AS down'];
  return `(SELECT service, expected, expected - ${clampToZero('down')} AS reported FROM (
  SELECT service, ${end} - start - paused - CASE WHEN ended = 1 THEN ${end} - last - 1 ELSE 0 END AS expected,
  down + ${clampToZero('first - start - 1')} + CASE WHEN ended = 1 THEN 0 ELSE ${clampToZero(`${end} - last - 2`)} END AS down FROM (
  SELECT service, down, paused, ended, coalesce(first, ${end}) AS first, coalesce(last, ${first} - 1) AS last, CASE WHEN seen > 0 THEN ${first} ELSE coalesce(first, ${end}) END AS start FROM (
  SELECT service, max(first) AS first, max(last) AS last, max(ended) AS ended, sum(down) AS down, sum(paused) AS paused, sum(seen) AS seen FROM (
  SELECT service, min(minute) AS first, max(minute) AS last, last(stopped) AS ended,
  sum(CASE WHEN ${isPause} THEN 0 WHEN ${gap} > 1 THEN ${gap} - 1 ELSE 0 END) AS down,
  sum(CASE WHEN ${isPause} THEN ${gap} ELSE 0 END) AS paused, 0 AS seen FROM (
  SELECT service, minute, stopped, lag(minute) OVER (PARTITION BY service ORDER BY minute) AS previous, lag(stopped) OVER (PARTITION BY service ORDER BY minute) AS ended FROM (
  SELECT service, minute, max(stopped) AS stopped FROM (${[...reports, stops].join(' UNION ALL ')}) WHERE minute < ${end} GROUP BY service, minute ORDER BY service, minute))
  GROUP BY service
  UNION ALL SELECT service, ${unknown.join(', ')}, 0 AS paused, seen FROM ${before}
  UNION ALL ${stopsBefore.replace('service, ', `service, ${unknown.join(', ')}, 0 AS paused, `)}
  ) GROUP BY service))))`;
}

function clampToZero(value: string): string {
  return `CASE WHEN ${value} > 0 THEN ${value} ELSE 0 END`;
}
