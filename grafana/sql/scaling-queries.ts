import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import { selectGaugeOverRange, selectGaugeOverTime } from './gauge-queries.ts';
import { MAX_ROWS } from './metric-queries.ts';
import { quote, toFilter } from './sql-text.ts';

const DESIRED = quote('perfscope.scaling.desired');
const CURRENT = quote('perfscope.scaling.current');
const IS_DESIRED = `name = ${DESIRED}`;

/**
 * What is recommended, as servers measure it. They all say the same, so the newest of them counts; the
 * row's own service and environment are the server's.
 */
const toRecommendationSelection = (kind?: 'queue' | 'service') => ({
  type: PerformanceMetricType.CUSTOM,
  keys: ['operation', 'endpoint', 'name'],
  by: [],
  conditions: [
    `name IN (${DESIRED}, ${CURRENT})`,
    ...(kind ? [`operation = ${quote(kind)}`] : []),
    // Queues are of no service.
    ...(kind === 'queue' ? [] : [`(operation = 'queue' OR ${toFilter('service', 'endpoint')})`]),
  ],
});

/** Recommended and present number of each queue's workers or each service's replicas. */
export function selectScalingOverTime(kind: 'queue' | 'service'): string {
  const label = `CASE WHEN ${IS_DESIRED} THEN ' recommended' ELSE ' present' END`;
  return `SELECT time, concat(endpoint, ${label}) AS metric, last AS value FROM ${selectGaugeOverTime(toRecommendationSelection(kind))} ORDER BY time`;
}

/** The newest recommendation of the range, what differs most first. */
export function selectScaling(): string {
  return `SELECT operation AS "Kind", endpoint AS "Name", present AS "Present", recommended AS "Recommended", recommended - present AS "Difference", at AS "As of"
FROM (SELECT operation, endpoint, max(CASE WHEN ${IS_DESIRED} THEN last END) AS recommended,
    max(CASE WHEN ${IS_DESIRED} THEN null ELSE last END) AS present, max(last_at) AS at
  FROM ${selectGaugeOverRange(toRecommendationSelection())}) ORDER BY abs("Difference") DESC, "Kind", "Name" LIMIT ${MAX_ROWS}`;
}
