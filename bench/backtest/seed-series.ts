import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/core/duration.ts';
import { execSql } from '../../src/storage/questdb/exec-sql-http.ts';
import type { ExternalQuestdb } from '../../test/support/external-questdb.ts';

/** A series is one of 10 services, 10 endpoints, and 10 organizations. */
const VALUES = 10;
/** Every this many series, one has histograms too. */
const HISTOGRAM_EVERY = 10;
const STATEMENT_TIMEOUT_MS = 300_000;

/** What the benchmark stores: one row per series and minute. */
export interface SeriesSeed {
  readonly seriesCount: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Inserts one point of 10 requests per series and minute. In one of eight hours, one series in 50 takes 3 s
 * instead of 50 to 100 ms, and a tenth of its requests fail.
 */
export async function seedSeries(questdb: ExternalQuestdb, seed: SeriesSeed): Promise<void> {
  for (let fromMs = seed.fromMs; fromMs < seed.toMs; fromMs += DAY_MS / 4) {
    const minutes = Math.min(seed.toMs - fromMs, DAY_MS / 4) / MINUTE_MS;
    for (const statement of [
      toMetricsSql(seed.seriesCount, fromMs, minutes),
      toBucketsSql(seed.seriesCount, fromMs, minutes),
      toHealthSql(fromMs, minutes),
    ]) {
      await execSql(questdb.target, statement, { timeoutMs: STATEMENT_TIMEOUT_MS });
    }
  }
}

function toPointsSql(seriesCount: number, fromMs: number, minutes: number, every: number): string {
  const perMinute = Math.floor(seriesCount / every);
  return `(SELECT (${fromMs * 1000} + ((x - 1) / ${perMinute}) * ${MINUTE_MS * 1000} + 7000000) AS micros,
    ((x - 1) % ${perMinute}) * ${every} AS series, x FROM long_sequence(${perMinute * minutes}))`;
}

const SERIES_COLUMNS = `'API_RESPONSE_TIME' AS metric_type, 'http.server.request.duration' AS name, 'ms' AS unit,
  's' || (series % ${VALUES}) AS service, '/e' || (series / ${VALUES} % ${VALUES}) AS endpoint,
  'o' || (series / ${VALUES * VALUES}) AS organization_id, 'GET' AS operation, 'i1' AS instance, false AS test`;
const IS_SLOW = `(series % 50 = 7 AND (micros / ${HOUR_MS * 1000}) % 8 = 2)`;

function toMetricsSql(seriesCount: number, fromMs: number, minutes: number): string {
  return `INSERT INTO performance_metrics
    (timestamp, metric_type, name, unit, service, endpoint, organization_id, operation, instance, test, id, count, error_count,
      aborted_count, sum, value, min, max)
    SELECT micros::timestamp, metric_type, name, unit, service, endpoint, organization_id, operation, instance, test,
      left(sha1((micros * 1000 + series)::string), 24), 10, CASE WHEN slow THEN 1 ELSE 0 END, 0,
      10 * mean, mean, mean / 2, 2 * mean
    FROM (SELECT micros, series, ${SERIES_COLUMNS}, ${IS_SLOW} AS slow,
      CASE WHEN ${IS_SLOW} THEN 3000.0 ELSE 50.0 + 50 * rnd_double() END AS mean
      FROM ${toPointsSql(seriesCount, fromMs, minutes, 1)})`;
}

function toBucketsSql(seriesCount: number, fromMs: number, minutes: number): string {
  return `INSERT INTO metric_buckets
    (timestamp, metric_type, name, service, endpoint, organization_id, operation, instance, test, point, bucket_upper, count,
      error_count)
    SELECT micros::timestamp, metric_type, name, service, endpoint, organization_id, operation, instance, test,
      micros / 1000 + series, CASE WHEN slow THEN 3044.37 ELSE 64.0 + 32 * (x % 3) END, 10, 0
    FROM (SELECT micros, series, x, ${SERIES_COLUMNS}, ${IS_SLOW} AS slow
      FROM ${toPointsSql(seriesCount, fromMs, minutes, HISTOGRAM_EVERY)})`;
}

function toHealthSql(fromMs: number, minutes: number): string {
  return `INSERT INTO system_health (timestamp, service, instance, id, status, uptime)
    SELECT (${fromMs * 1000} + (x - 1) * ${MINUTE_MS * 1000})::timestamp, 'perfscope', 'i1', 'h' || x, 'healthy', 1
    FROM long_sequence(${minutes})`;
}
