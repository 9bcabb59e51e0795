import { defineTable, type InferRow, TENANT_COLUMNS } from '../table-definition.ts';

/**
 * The normal values of a series that an alert rule watches, in one hour. The server writes the rows of the current and
 * the next hour after it has learned the band. A missing name means rows of all names.
 */
export const metricBandsTable = defineTable({
  name: 'metric_bands',
  columns: {
    ...TENANT_COLUMNS,
    /** Identifies the series: the measure and the group, as JSON. */
    series: 'varchar',
    metricType: 'symbol',
    aggregate: 'symbol',
    service: 'symbol',
    environment: 'symbol',
    endpoint: 'symbol',
    operation: 'symbol',
    lower: 'double',
    expected: 'double',
    upper: 'double',
    /** `ready`, `learning`, or `unknown`. */
    status: 'symbol',
    /** Why there is no band. */
    reason: 'varchar',
  },
  dedupKeys: ['series'],
  ttlMonths: 2,
});

export type MetricBandRow = InferRow<typeof metricBandsTable>;
