import {
  defineTable,
  type InferRow,
  RESOURCE_COLUMNS,
  TENANT_COLUMNS,
} from '../table-definition.ts';

/**
 * One non-empty bucket of a histogram point. `point` identifies the histogram point or, for values
 * from `recordMetric`, the batch.
 */
export const metricBucketsTable = defineTable({
  name: 'metric_buckets',
  columns: {
    metricType: 'symbol',
    name: 'symbol',
    endpoint: 'symbol',
    operation: 'symbol',
    queueScope: 'symbol',
    ...TENANT_COLUMNS,
    ...RESOURCE_COLUMNS,
    point: 'long',
    bucketUpper: 'double',
    count: 'long',
    errorCount: 'long',
    test: 'boolean',
  },
  dedupKeys: ['point', 'bucketUpper'],
});

export type MetricBucketRow = InferRow<typeof metricBucketsTable>;
