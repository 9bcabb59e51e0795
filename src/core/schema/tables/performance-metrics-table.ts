import {
  defineTable,
  type InferRow,
  RESOURCE_COLUMNS,
  TENANT_COLUMNS,
} from '../table-definition.ts';

/**
 * One measurement, or one histogram, gauge, or counter point of one interval. `value` is the mean
 * of a histogram point. Times are in ms.
 *
 * Rows of HTTP requests have more columns. Their values can be added up over rows.
 *
 * - `count`, `errorCount`, `sum`, `min`, and `max` are about requests that got a response.
 * - `abortedCount` is the number of requests that the client aborted. They aren't part of `count`.
 * - `count2xx` to `count5xx` are the numbers of responses by status class. Measurements of the library have no status.
 * - `firstByteSum` and `firstByteMax` are the times until the first byte of the response.
 * - `databaseTime` to `ownTime` are the times that the requests spent in their parts.
 * - `databaseCalls`, `outgoingCalls`, and `queueCalls` are numbers of calls.
 *
 * Only rows whose values are all failures of one class have an `errorType`, such as `refused` or `23505`.
 * Only rows about a host have a `host`, and only rows about a queue have a `queueScope`.
 */
export const performanceMetricsTable = defineTable({
  name: 'performance_metrics',
  columns: {
    id: 'varchar',
    metricType: 'symbol',
    name: 'symbol',
    unit: 'symbol',
    endpoint: 'symbol',
    operation: 'symbol',
    errorType: 'symbol',
    queueScope: 'symbol',
    host: 'symbol',
    ...TENANT_COLUMNS,
    ...RESOURCE_COLUMNS,
    userId: 'varchar',
    tags: 'varchar',
    value: 'double',
    duration: 'double',
    count: 'long',
    errorCount: 'long',
    abortedCount: 'long',
    sum: 'double',
    min: 'double',
    max: 'double',
    count2xx: 'long',
    count3xx: 'long',
    count4xx: 'long',
    count5xx: 'long',
    firstByteSum: 'double',
    firstByteMax: 'double',
    databaseTime: 'double',
    databaseCalls: 'long',
    outgoingTime: 'double',
    outgoingCalls: 'long',
    queueTime: 'double',
    queueCalls: 'long',
    connectionWaitTime: 'double',
    eventLoopWaitTime: 'double',
    ownTime: 'double',
    test: 'boolean',
  },
  dedupKeys: ['id'],
});

export type PerformanceMetricRow = InferRow<typeof performanceMetricsTable>;
