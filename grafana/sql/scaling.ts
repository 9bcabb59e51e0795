import { PerformanceMetricType } from '../../src/schema/metric-type.ts';
import { MOST_ROWS } from './figures.ts';
import { gaugeOverRange, gaugeOverTime } from './gauges.ts';
import { isChosen, quoted } from './text.ts';

const DESIRED = quoted('perfscope.scaling.desired');
const CURRENT = quoted('perfscope.scaling.current');
const IS_DESIRED = `name = ${DESIRED}`;

/**
 * What is recommended, as servers measure it. They all say the same, so the newest of them counts; the
 * row's own service and environment are the server's.
 */
const recommended = (kind?: 'queue' | 'service') => ({
  type: PerformanceMetricType.CUSTOM,
  keys: ['operation', 'endpoint', 'name'],
  by: [],
  conditions: [
    `name IN (${DESIRED}, ${CURRENT})`,
    ...(kind ? [`operation = ${quoted(kind)}`] : []),
    // Queues are of no service.
    ...(kind === 'queue' ? [] : [`(operation = 'queue' OR ${isChosen('service', 'endpoint')})`]),
  ],
});

/** Recommended and present number of each queue's workers or each service's replicas. */
export function scalingOverTime(kind: 'queue' | 'service'): string {
  const label = `CASE WHEN ${IS_DESIRED} THEN ' recommended' ELSE ' present' END`;
  return `SELECT time, concat(endpoint, ${label}) AS metric, last AS value FROM ${gaugeOverTime(recommended(kind))} ORDER BY time`;
}

/** The newest recommendation of the range, what differs most first. */
export function scalingTable(): string {
  return `SELECT operation AS "Kind", endpoint AS "Name", present AS "Present", recommended AS "Recommended", recommended - present AS "Difference", at AS "As of"
FROM (SELECT operation, endpoint, max(CASE WHEN ${IS_DESIRED} THEN last END) AS recommended,
    max(CASE WHEN ${IS_DESIRED} THEN null ELSE last END) AS present, max(last_at) AS at
  FROM ${gaugeOverRange(recommended())}) ORDER BY abs("Difference") DESC, "Kind", "Name" LIMIT ${MOST_ROWS}`;
}
