import { type HostMetric, toHostAggregations } from '../../src/storage/queries/host-health.ts';
import { HOSTS_TABLE, ROW_COUNT } from '../../src/storage/queries/query-tables.ts';
import { selectOverRange, selectOverTime, toConditions } from './select-metrics.ts';
import { FROM, TO } from './sql-text.ts';
import { getMinuteParts, PREVIOUS_RANGE } from './table-parts.ts';

/** `total`, `samples` and `most` of a figure of hosts, for each of `keys` and bucket of time. */
export function selectHostOverTime(figure: HostMetric, keys: readonly string[]): string {
  return selectOverTime(HOSTS_TABLE, { figures: toHostAggregations(figure), keys });
}

/** The latest row of each process within the range. */
export function selectLatestHealth(): string {
  const conditions = [
    ...[`timestamp >= ${FROM}`, `timestamp < ${TO}`, 'id IS NOT NULL'],
    ...toConditions(HOSTS_TABLE),
  ];
  return `(SELECT * FROM ${HOSTS_TABLE.table} WHERE ${conditions.join(' AND ')}
  LATEST ON timestamp PARTITION BY service, instance)`;
}

/**
 * For each service the minutes in which it `reported`, and those in which it was `expected` to: the
 * whole minutes of the range, from its first one on where it had not been there in the time before.
 */
export function selectUptimeMinutes(): string {
  const conditions = toConditions(HOSTS_TABLE).join(' AND ');
  const minutes = getMinuteParts(HOSTS_TABLE.table).map(
    ({ name, where }) =>
      `SELECT DISTINCT service, timestamp_floor('m', timestamp) AS minute FROM ${name} WHERE ${where} AND ${conditions}`,
  );
  const before = selectOverRange(HOSTS_TABLE, {
    figures: { seen: ROW_COUNT },
    keys: ['service'],
    range: PREVIOUS_RANGE,
  });
  const begin = `CASE WHEN sum(seen) > 0 THEN timestamp_floor('m', ${FROM}) ELSE min(first) END`;
  return `(SELECT service, sum(reported) AS reported,
  datediff('m', ${begin}, timestamp_floor('m', ${TO})) AS expected FROM (
  SELECT service, count() AS reported, min(minute) AS first, 0 AS seen FROM (${minutes.join(' UNION ')}) GROUP BY service
  UNION ALL SELECT service, 0 AS reported, null::timestamp AS first, seen FROM ${before}
) GROUP BY service)`;
}
