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

/** Selects the latest health row of each process that still sends health data at the end of the time range. */
export function selectRunningProcesses(): string {
  return selectLatest(RECENT_START);
}

function selectLatest(from: string): string {
  const conditions = [
    ...[`timestamp >= ${from}`, `timestamp < ${TO}`, 'id IS NOT NULL'],
    ...toConditions(HOSTS_TABLE),
  ];
  return `(SELECT *, timestamp >= ${RECENT_START} AS is_running FROM ${HOSTS_TABLE.table} WHERE ${conditions.join(' AND ')}
  LATEST ON timestamp PARTITION BY service, instance)`;
}

/**
 * Selects, for each service, the number of minutes in which it `reported` and was `expected` to
 * report. All whole minutes of the time range are expected. If the service didn't report in the
 * previous range, only the minutes since its first report are expected.
 */
export function selectUptimeMinutes(): string {
  const conditions = toConditions(HOSTS_TABLE).join(' AND ');
  const minutes = getMinuteParts(HOSTS_TABLE.table).map(
    ({ name, where }) =>
      `SELECT DISTINCT service, timestamp_floor('m', timestamp) AS minute FROM ${name} WHERE ${where} AND ${conditions}`,
  );
  const before = selectOverRange(HOSTS_TABLE, {
    aggregations: { seen: ROW_COUNT },
    keys: ['service'],
    range: PREVIOUS_RANGE,
  });
  const start = `CASE WHEN sum(seen) > 0 THEN timestamp_floor('m', ${FROM}) ELSE min(first) END`;
  return `(SELECT service, sum(reported) AS reported,
  datediff('m', ${start}, timestamp_floor('m', ${TO})) AS expected FROM (
  SELECT service, count() AS reported, min(minute) AS first, 0 AS seen FROM (${minutes.join(' UNION ')}) GROUP BY service
  UNION ALL SELECT service, 0 AS reported, null::timestamp AS first, seen FROM ${before}
) GROUP BY service)`;
}
