import { HOSTS, ROWS } from '../../src/windows/families.ts';
import { type HostFigure, hostFigures } from '../../src/windows/hosts.ts';
import { conditionsOf, overRange, overTime } from './select.ts';
import { BEFORE, partsOfMinutes } from './sources.ts';
import { FROM, TO } from './text.ts';

/** `total`, `samples` and `most` of a figure of hosts, for each of `keys` and bucket of time. */
export function hostOverTime(figure: HostFigure, keys: readonly string[]): string {
  return overTime(HOSTS, { figures: hostFigures(figure), keys });
}

/** The latest row of each process within the range. */
export function latestHealth(): string {
  const conditions = [
    ...[`timestamp >= ${FROM}`, `timestamp < ${TO}`, 'id IS NOT NULL'],
    ...conditionsOf(HOSTS),
  ];
  return `(SELECT * FROM ${HOSTS.table} WHERE ${conditions.join(' AND ')}
  LATEST ON timestamp PARTITION BY service, instance)`;
}

/**
 * For each service the minutes in which it `reported`, and those in which it was `expected` to: the
 * whole minutes of the range, from its first one on where it had not been there in the time before.
 */
export function minutesUp(): string {
  const conditions = conditionsOf(HOSTS).join(' AND ');
  const minutes = partsOfMinutes(HOSTS.table).map(
    ({ name, where }) =>
      `SELECT DISTINCT service, timestamp_floor('m', timestamp) AS minute FROM ${name} WHERE ${where} AND ${conditions}`,
  );
  const before = overRange(HOSTS, { figures: { seen: ROWS }, keys: ['service'], range: BEFORE });
  const begin = `CASE WHEN sum(seen) > 0 THEN timestamp_floor('m', ${FROM}) ELSE min(first) END`;
  return `(SELECT service, sum(reported) AS reported,
  datediff('m', ${begin}, timestamp_floor('m', ${TO})) AS expected FROM (
  SELECT service, count() AS reported, min(minute) AS first, 0 AS seen FROM (${minutes.join(' UNION ')}) GROUP BY service
  UNION ALL SELECT service, 0 AS reported, null::timestamp AS first, seen FROM ${before}
) GROUP BY service)`;
}
