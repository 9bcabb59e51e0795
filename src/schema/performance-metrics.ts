import { defineTable, type RowOf } from './column.ts';
import { ORIGIN_COLUMNS, TENANT_COLUMNS } from './dimensions.ts';

/**
 * One measurement, or one histogram, gauge or counter point of one interval.
 * `value` is the mean of a histogram point; `duration` is in ms.
 */
export const performanceMetrics = defineTable({
  name: 'performance_metrics',
  columns: {
    id: 'varchar',
    metricType: 'symbol',
    name: 'symbol',
    unit: 'symbol',
    endpoint: 'symbol',
    operation: 'symbol',
    ...TENANT_COLUMNS,
    ...ORIGIN_COLUMNS,
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
    test: 'boolean',
  },
  dedupKeys: ['id'],
});

export type PerformanceMetric = RowOf<typeof performanceMetrics>;
