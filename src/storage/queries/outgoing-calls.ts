import type { QueryClient } from '../questdb/query-client.ts';
import {
  type DistributionTotals,
  queryDistributionTotals,
  queryTotals,
} from './operation-totals.ts';
import { type Query, toGroupKey } from './query-definition.ts';

const OUTGOING_METRIC = { metricType: 'OUTGOING_REQUEST_TIME' } as const;

/** Totals of calls to other hosts, with the share of each kind of error. */
export interface OutgoingTotals extends DistributionTotals {
  /** Share of the calls that failed with each kind of error, such as `refused`, in percent. */
  errorRates: Record<string, number>;
}

/** Returns the totals of outgoing calls for each group. Without `groupBy`, there is at most one group. */
export async function queryOutgoingTotals(
  queryClient: QueryClient,
  query: Query,
): Promise<OutgoingTotals[]> {
  const { groupBy = [] } = query;
  const [totals, byErrorType] = await Promise.all([
    queryDistributionTotals(queryClient, query, OUTGOING_METRIC),
    queryTotals(queryClient, { ...query, groupBy: [...groupBy, 'errorType'] }, OUTGOING_METRIC),
  ]);
  const errorRates = new Map(
    totals.map(({ group, bucket }) => [toGroupKey(group, bucket), {} as Record<string, number>]),
  );
  const counts = new Map(
    totals.map(({ group, bucket, count }) => [toGroupKey(group, bucket), count]),
  );
  for (const { group: groupWithType, bucket, errorCount } of byErrorType) {
    const { errorType, ...group } = groupWithType;
    const key = toGroupKey(group, bucket);
    const rates = errorRates.get(key);
    if (errorCount > 0 && rates)
      rates[errorType ?? '_OTHER'] = (100 * errorCount) / counts.get(key)!;
  }
  return totals.map((each) => ({
    ...each,
    errorRates: errorRates.get(toGroupKey(each.group, each.bucket)) ?? {},
  }));
}
