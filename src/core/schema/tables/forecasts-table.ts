import { defineTable, type InferRow, TENANT_COLUMNS } from '../table-definition.ts';

/**
 * The forecast for one subject at one time. A row is written at most once per hour. `predicted` is the value that is
 * expected at `predictedFor`, so past forecasts can be compared with the values that followed.
 */
export const forecastsTable = defineTable({
  name: 'forecasts',
  columns: {
    kind: 'symbol',
    status: 'symbol',
    method: 'symbol',
    service: 'symbol',
    host: 'symbol',
    queueName: 'symbol',
    ...TENANT_COLUMNS,
    subjectId: 'varchar',
    subject: 'varchar',
    labels: 'varchar',
    unit: 'varchar',
    value: 'double',
    limitValue: 'double',
    slopePerDay: 'double',
    limitAt: 'timestamp',
    earliestAt: 'timestamp',
    latestAt: 'timestamp',
    predictedFor: 'timestamp',
    predicted: 'double',
    predictedLower: 'double',
    predictedUpper: 'double',
    horizon: 'double',
    error: 'double',
    naiveError: 'double',
    reason: 'varchar',
  },
  dedupKeys: ['subjectId'],
  ttlMonths: 13,
});

export type ForecastRow = InferRow<typeof forecastsTable>;
