import type { QueryClient } from '../questdb/query-client.ts';
import { sql } from '../sql/sql-builder.ts';
import type { JobTotals } from './job-totals.ts';
import { queryMetricSums } from './measurement-sums.ts';
import type { Query } from './query-definition.ts';

/** Maximum number of groups. */
const MAX_GROUPS = 10_000;

/**
 * Returns the totals of processed messages from histograms. Services that send only OpenTelemetry metrics or spans, such as
 * consumers of Kafka, have no rows for single jobs.
 */
export async function queryMessageTotals(
  queryClient: QueryClient,
  query: Query,
): Promise<JobTotals[]> {
  const condition = sql`metric_type = ${'QUEUE_PROCESSING_TIME'}`;
  const sums = await queryMetricSums(queryClient, query, [condition], MAX_GROUPS);
  return sums
    .filter(({ count }) => count > 0)
    .map(({ group, count, errorCount, sum, newestMs }) => ({
      group,
      bucket: undefined,
      // Unknown. With this value, the queue neither grows nor shrinks.
      arrived: count,
      completed: count - errorCount,
      failed: errorCount,
      stalled: 0,
      averageProcessing: sum / count,
      averageWork: sum / count,
      averageWait: undefined,
      processing: sum,
      waiting: 0,
      newestMs,
    }));
}
