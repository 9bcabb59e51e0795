import {
  defineTable,
  type InferRow,
  RESOURCE_COLUMNS,
  TENANT_COLUMNS,
} from '../table-definition.ts';

/**
 * One measurement, or one histogram, gauge, or counter point of one interval. `value` is the mean
 * of a histogram point. `duration` is in ms.
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
    test: 'boolean',
  },
  dedupKeys: ['id'],
});

export type PerformanceMetricRow = InferRow<typeof performanceMetricsTable>;
