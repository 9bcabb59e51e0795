import { metricBandsTable } from '../../src/core/schema/tables/metric-bands-table.ts';
import { ALL_REQUESTS } from './metric-selections.ts';
import { selectPercentiles, toClampedSql } from './percentile-queries.ts';
import { selectOverTime } from './select-metrics.ts';
import { ALL, FROM, TO, toFilter } from './sql-text.ts';
import { ALL_COUNT, SECONDS, selectBuckets, selectTotalsOverTime } from './total-queries.ts';

/** For All, only bands of all organizations match. A band of one organization isn't a part of another band. */
const IS_SELECTED_TENANT = `((${ALL} IN (\${organization:sqlstring}) AND organization_id IS NULL) OR organization_id IN (\${organization:sqlstring}))`;
const CONDITIONS = [
  "status = 'ready' AND metric_type = 'API_RESPONSE_TIME' AND endpoint IS NULL AND operation IS NULL",
  IS_SELECTED_TENANT,
  toFilter('service', 'service'),
].join('\n  AND ');

/** Selects the limits of the normal values. The time is the middle of each hour. */
function selectLimits(aggregate: 'rate' | 'p95', combine: 'sum' | 'extremes'): string {
  const [lower, upper] =
    combine === 'sum' ? ['sum(lower)', 'sum(upper)'] : ['min(lower)', 'max(upper)'];
  const hours = `(SELECT timestamp, ${lower} AS lower, ${upper} AS upper FROM ${metricBandsTable.name}
  WHERE timestamp >= ${FROM} AND timestamp < ${TO} AND aggregate = '${aggregate}' AND ${CONDITIONS} GROUP BY timestamp)`;
  return `SELECT dateadd('m', 30, timestamp) AS time, 'normal, lowest' AS metric, lower AS value FROM ${hours}
UNION ALL SELECT dateadd('m', 30, timestamp) AS time, 'normal, highest' AS metric, upper AS value FROM ${hours}`;
}

/** Selects the requests per minute, and the limits of their normal values. */
export function selectRateAndBand(): string {
  return `SELECT time, metric, value FROM (
SELECT time, 'now' AS metric, 60 * ${ALL_COUNT} / ${SECONDS} AS value FROM ${selectTotalsOverTime(ALL_REQUESTS)}
UNION ALL ${selectLimits('rate', 'sum')}
) ORDER BY time`;
}

/** Selects the 95th percentile of the response time, and the limits of its normal values. */
export function selectP95AndBand(): string {
  const buckets = `(SELECT time, bucket_upper, sum(count) AS count FROM (SELECT * FROM ${selectBuckets(ALL_REQUESTS, selectOverTime)}))`;
  const limits = `(SELECT time, minimum, maximum FROM ${selectTotalsOverTime(ALL_REQUESTS)})`;
  return `SELECT time, metric, value FROM (
SELECT p.time AS time, 'now' AS metric, ${toClampedSql('p95')} AS value FROM ${selectPercentiles(buckets, ['time'], { p95: 0.95 })} p
  LEFT JOIN ${limits} t ON p.time = t.time
UNION ALL ${selectLimits('p95', 'extremes')}
) ORDER BY time`;
}
