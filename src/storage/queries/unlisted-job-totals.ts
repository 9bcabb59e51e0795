import { UNLISTED_JOBS_METRIC } from '../../core/queue-metric-names.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { sql } from '../sql/sql-builder.ts';
import { METRICS_TABLE } from './aggregation-tables.ts';
import { TOTALS_AGGREGATIONS, toMetricConditions } from './operation-totals.ts';
import type { Dimension, Group, Query } from './query-definition.ts';
import { toNumber, toText } from './row-values.ts';
import { type Aggregation, runQuery } from './run-query.ts';
import type { TimeRange } from './time-range.ts';

/** Number of state transitions without rows in one group, and the sum of their times. */
export interface UnlistedJobs {
  readonly group: Group;
  readonly bucket: TimeRange | undefined;
  /** State of the jobs, or `retried` for failed attempts of jobs that are tried again. */
  readonly state: string;
  readonly count: number;
  /** Sum of the wait times of starts, or of the processing times of ends, in ms. */
  readonly time: number;
  /** Time of the newest transition in ms since the epoch. */
  readonly newestMs: number;
}

const { count, total } = TOTALS_AGGREGATIONS;
const AGGREGATIONS = {
  count,
  total,
  newest: { rows: sql`max(timestamp)`, rollup: sql`max(timestamp)`, mergeWith: 'max' },
} as const satisfies Record<string, Aggregation>;

/**
 * Returns the state transitions without rows, for each group and time bucket that has any. These jobs have no type, so a
 * filter by type excludes them.
 */
export async function queryUnlistedJobs(
  queryClient: QueryClient,
  query: Query,
): Promise<UnlistedJobs[]> {
  const { groupBy = [], filter } = query;
  if (filter?.operation !== undefined) return [];
  // The column with the type of a job contains the state.
  const groups = new Set<Dimension>([...groupBy, 'operation']);
  const results = await runQuery(
    queryClient,
    METRICS_TABLE,
    { ...query, groupBy: [...groups] },
    {
      aggregations: AGGREGATIONS,
      conditions: [
        ...toMetricConditions({ metricType: 'CUSTOM', names: [UNLISTED_JOBS_METRIC] }, filter),
        sql`count > 0`,
      ],
    },
  );
  return results.map(({ group, bucket, row }) => ({
    group: Object.fromEntries(
      groupBy.map((name) => [name, name === 'operation' ? undefined : group[name]]),
    ),
    bucket,
    state: toText(group.operation) ?? '',
    count: toNumber(row.count) ?? 0,
    time: toNumber(row.total) ?? 0,
    newestMs: row.newest instanceof Date ? row.newest.getTime() : Number.NEGATIVE_INFINITY,
  }));
}
