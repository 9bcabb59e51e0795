import type { QueryClient } from '../questdb/query-client.ts';
import { sql } from '../sql/sql-builder.ts';
import { METRICS_TABLE } from './aggregation-tables.ts';
import type { JobTotals } from './job-totals.ts';
import { TOTALS_AGGREGATIONS } from './operation-totals.ts';
import type { Query } from './query-definition.ts';
import { toNumber } from './row-values.ts';
import { type Aggregation, runQuery } from './run-query.ts';

const { count, errors, total } = TOTALS_AGGREGATIONS;
const MESSAGE_AGGREGATIONS = {
  count,
  errors,
  total,
  newest: { rows: sql`max(timestamp)`, rollup: sql`max(timestamp)`, mergeWith: 'max' },
} as const satisfies Record<string, Aggregation>;

/**
 * Returns the totals of processed messages from histograms, for each group and time bucket that has any. Services that
 * send only OpenTelemetry metrics or spans, such as consumers of Kafka, have no rows for single jobs.
 */
export async function queryMessageTotals(
  queryClient: QueryClient,
  query: Query,
): Promise<JobTotals[]> {
  const results = await runQuery(queryClient, METRICS_TABLE, query, {
    aggregations: MESSAGE_AGGREGATIONS,
    conditions: [
      sql`metric_type = ${'QUEUE_PROCESSING_TIME'}`,
      sql`count > 0`,
      sql`endpoint IS NOT NULL`,
    ],
  });
  return results.map(({ group, bucket, row }) => {
    const processed = toNumber(row.count) ?? 0;
    const failed = toNumber(row.errors) ?? 0;
    const processing = toNumber(row.total) ?? 0;
    return {
      group,
      bucket,
      // Unknown. With this value, the queue neither grows nor shrinks.
      arrived: processed,
      completed: processed - failed,
      failed,
      stalled: 0,
      averageProcessing: processing / processed,
      averageWork: processing / processed,
      averageWait: undefined,
      processing,
      waiting: 0,
      newestMs: row.newest instanceof Date ? row.newest.getTime() : 0,
    };
  });
}
