import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import { selectGaugeOverRange, selectGaugeOverTime } from './gauge-queries.ts';
import { MAX_ROWS } from './metric-queries.ts';
import { quote, toFilter } from './sql-text.ts';

const DESIRED = quote('perfscope.scaling.desired');
const CURRENT = quote('perfscope.scaling.current');
const IS_DESIRED = `name = ${DESIRED}`;

/**
 * Returns the selection of recommendations. All servers record the same values, so the latest value is
 * used. The service and environment of these rows belong to the server, so they can't be used as filters.
 */
const toRecommendationSelection = (kind?: 'queue' | 'service') => ({
  type: PerformanceMetricType.CUSTOM,
  keys: ['operation', 'endpoint', 'name'],
  by: [],
  conditions: [
    `name IN (${DESIRED}, ${CURRENT})`,
    ...(kind ? [`operation = ${quote(kind)}`] : []),
    // Queues don't belong to a service.
    ...(kind === 'queue' ? [] : [`(operation = 'queue' OR ${toFilter('service', 'endpoint')})`]),
  ],
});

/** Selects the recommended and current number of each queue's workers or each service's replicas. */
export function selectScalingOverTime(kind: 'queue' | 'service'): string {
  const label = `CASE WHEN ${IS_DESIRED} THEN ' recommended' ELSE ' current' END`;
  return `SELECT time, concat(endpoint, ${label}) AS metric, last AS value FROM ${selectGaugeOverTime(toRecommendationSelection(kind))} ORDER BY time`;
}

/** Selects the latest recommendations in the time range, largest difference first. */
export function selectScaling(): string {
  return `SELECT operation AS "Kind", endpoint AS "Name", present AS "Current", recommended AS "Recommended", recommended - present AS "Difference", at AS "Updated"
FROM (SELECT operation, endpoint, max(CASE WHEN ${IS_DESIRED} THEN last END) AS recommended,
    max(CASE WHEN ${IS_DESIRED} THEN null ELSE last END) AS present, max(last_at) AS at
  FROM ${selectGaugeOverRange(toRecommendationSelection())}) ORDER BY abs("Difference") DESC, "Kind", "Name" LIMIT ${MAX_ROWS}`;
}
