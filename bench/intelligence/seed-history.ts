import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/core/duration.ts';
import { execSql } from '../../src/storage/questdb/exec-sql-http.ts';
import type { ExternalQuestdb } from '../../test/support/external-questdb.ts';

const STATEMENT_TIMEOUT_MS = 300_000;
/** Each service has this many endpoints. */
export const ENDPOINTS_PER_SERVICE = 20;
/** Buckets of each point. Real points of an hour have about as many. */
const BUCKETS = 8;
/** Distance of the points in the last day. */
const RECENT_STEP_MS = 5 * MINUTE_MS;
/** Limits the rows per statement, because QuestDB keeps them in memory until the commit. */
const MAX_ROWS = 2_000_000;

export interface HistorySeed {
  readonly seriesCount: number;
  readonly days: number;
  /** End of the history: a whole step. */
  readonly toMs: number;
}

/**
 * Inserts requests with a daily cycle for each endpoint: one point per hour, and one point per five minutes in the last
 * day.
 */
export async function seedHistory(questdb: ExternalQuestdb, seed: HistorySeed): Promise<void> {
  const recentMs = Math.floor((seed.toMs - DAY_MS) / HOUR_MS) * HOUR_MS;
  const fromMs = recentMs - (seed.days - 1) * DAY_MS;
  await insertPoints(questdb, seed.seriesCount, { fromMs, toMs: recentMs, stepMs: HOUR_MS });
  await insertPoints(questdb, seed.seriesCount, {
    fromMs: recentMs,
    toMs: seed.toMs,
    stepMs: RECENT_STEP_MS,
  });
}

interface Points {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
}

async function insertPoints(
  questdb: ExternalQuestdb,
  seriesCount: number,
  { fromMs, toMs, stepMs }: Points,
): Promise<void> {
  const stepsPerPart = Math.max(1, Math.floor(MAX_ROWS / (seriesCount * BUCKETS)));
  for (let startMs = fromMs; startMs < toMs; startMs += stepsPerPart * stepMs) {
    const steps = Math.min(stepsPerPart, Math.round((toMs - startMs) / stepMs));
    const points = `(SELECT (${startMs} + ((x - 1) / ${seriesCount}) * ${stepMs} + 1000) * 1000 AS micros,
      (x - 1) % ${seriesCount} AS series FROM long_sequence(${seriesCount * steps}))`;
    for (const statement of [toMetricsSql(points, stepMs), toBucketsSql(points, stepMs)])
      await execSql(questdb.target, statement, { timeoutMs: STATEMENT_TIMEOUT_MS });
  }
}

const COLUMNS = `'API_RESPONSE_TIME' AS metric_type, 'http.server.request.duration' AS name,
  's' || (series / ${ENDPOINTS_PER_SERVICE}) AS service, '/e' || (series % ${ENDPOINTS_PER_SERVICE}) AS endpoint,
  'GET' AS operation, 'i1' AS instance, false AS test`;
/** From 0.2 to 1.8, with a period of a day. */
const SHAPE = `(1 + 0.8 * sin(6.283185 * (micros / ${HOUR_MS * 1000}) / 24))`;

function toMetricsSql(points: string, stepMs: number): string {
  const count = `cast(${(20 * stepMs) / MINUTE_MS} * ${SHAPE} * (0.9 + 0.2 * rnd_double()) AS LONG)`;
  return `INSERT INTO performance_metrics (timestamp, metric_type, name, service, endpoint, operation, instance, test,
      unit, id, count, error_count, aborted_count, sum, value, min, max)
    SELECT micros::timestamp, metric_type, name, service, endpoint, operation, instance, test, 'ms',
      left(sha1((micros * 1000 + series)::string), 24), count, 0, 0, 80.0 * count, 80.0, 40.0, 200.0
    FROM (SELECT micros, series, ${COLUMNS}, ${count} AS count FROM ${points})`;
}

function toBucketsSql(points: string, stepMs: number): string {
  return `INSERT INTO metric_buckets (timestamp, metric_type, name, service, endpoint, operation, instance, test,
      point, bucket_upper, count, error_count)
    SELECT micros::timestamp, metric_type, name, service, endpoint, operation, instance, test,
      micros / 1000 + series, 50.0 * power(1.0905077326652577, bucket), count, 0
    FROM (SELECT p.micros, p.series, b.bucket, ${COLUMNS},
      cast(${(3 * stepMs) / MINUTE_MS} * ${SHAPE} * (0.8 + 0.4 * rnd_double()) AS LONG) AS count
      FROM ${points} p CROSS JOIN (SELECT x AS bucket FROM long_sequence(${BUCKETS})) b)`;
}
