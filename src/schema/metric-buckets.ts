import { defineTable, type RowOf } from './column.ts';
import { ORIGIN_COLUMNS, TENANT_COLUMNS } from './dimensions.ts';

/** One non-empty bucket of a histogram point. `point` names the point, or the batch, it is part of. */
export const metricBuckets = defineTable({
  name: 'metric_buckets',
  columns: {
    metricType: 'symbol',
    name: 'symbol',
    endpoint: 'symbol',
    operation: 'symbol',
    ...TENANT_COLUMNS,
    ...ORIGIN_COLUMNS,
    point: 'long',
    bucketUpper: 'double',
    count: 'long',
    errorCount: 'long',
    test: 'boolean',
  },
  dedupKeys: ['point', 'bucketUpper'],
});

export type MetricBucket = RowOf<typeof metricBuckets>;
